#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "layers/models/source_names.h"
#include "layers/module.h"

namespace quench::train {

/// A file of weights that another project trained, before it is fitted to a network.
struct ForeignWeights {
  std::filesystem::path path;
  TensorFile file;
  std::optional<models::SourceNames> names = {};  ///< given by the user; else those that fit best
};
/// Reads safetensors; counts of batches ("...num_batches_tracked") are left out, and so is the
/// "module." that parallel training puts before every name.
/// @throws std::runtime_error  as read_safetensors()
ForeignWeights read_foreign_weights(const std::filesystem::path& path);

/// How many classes the last layer of `model`, built as `network`, has in the file.
/// @throws std::runtime_error  if the file has no such layer
std::int64_t classes_in(const ForeignWeights& weights, Module& network, const std::string& model);

struct ImportReport {
  std::string source;              ///< whose names the file has
  std::int64_t tensors = 0;        ///< taken over
  std::int64_t folded_biases = 0;  ///< of convolutions, see import_weights()
};

/// Copies the weights into a float network of that model, by the given names, or by those of
/// models::model_sources() that fit best. Of a checkpoint of quench itself, whatever its quantizers, it
/// takes the weights and leaves what else is of its training. The bias of a convolution before a batch norm
/// ("x.conv.bias" in a network with "x.bn") is subtracted from the running mean.
/// @throws std::runtime_error  listing the tensors that are missing, unknown, mis-shaped or holds
///                             NaN or infinity, or a checkpoint of another model; the
///                             network is unchanged
ImportReport import_weights(Module& network, const std::string& model,
                            const ForeignWeights& weights);

/// A user's map from the names of a network's parts here to those in a file of weights: lines of
/// two names, as models::Rename has them. "#" begins a comment.
///
///   conv{n}      features.{n-1}    # conv1.weight is features.0.weight there
///   fc.bias      head.b            # also of one tensor
class NameMap {
 public:
  /// @throws std::runtime_error  for a file that cannot be read, naming the line that is wrong
  explicit NameMap(const std::filesystem::path& path);
  NameMap(const NameMap&) = delete;  // the renames point into words_
  NameMap& operator=(const NameMap&) = delete;

  /// Valid as long as the map.
  models::SourceNames names() const { return {.source = source_.c_str(), .renames = renames_}; }

 private:
  std::string source_;
  std::deque<std::string> words_;  // what the renames point to
  std::vector<models::Rename> renames_;
};

}  // namespace quench::train
