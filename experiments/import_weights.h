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

namespace quench::experiments {

/// Weights from another project, before they are fitted to a network.
struct ForeignWeights {
  std::filesystem::path path;
  TensorFile file;
  std::optional<layers::models::SourceNames> names =
      {};  ///< given by the user; otherwise the best match
};
/// Reads safetensors, without counts of batches ("...num_batches_tracked") and without the prefix
/// "module." that parallel training adds.
/// @throws std::runtime_error  as read_safetensors()
ForeignWeights read_foreign_weights(const std::filesystem::path& path);

/// The number of classes of the last layer of `model`, built as `network`, in the file.
/// @throws std::runtime_error  if the file has no such layer
std::int64_t classes_in(const ForeignWeights& weights, layers::Module& network,
                        const std::string& model);

struct ImportReport {
  std::string source;              ///< the project whose names the file uses
  std::int64_t tensors = 0;        ///< tensors imported
  std::int64_t folded_biases = 0;  ///< convolution biases, see import_weights()
};

/// Copies the weights into a float network of that model, by the given names, or by the best match
/// of models::model_sources(). From a checkpoint of quench itself, with any quantizers, it takes
/// the weights and ignores the rest of its training state. The bias of a convolution before a batch
/// norm ("x.conv.bias" in a network with "x.bn") is subtracted from the running mean.
/// @throws std::runtime_error  listing tensors that are missing, unknown, of another shape, or
///                             contain NaN or infinity; or for a checkpoint of another model. The
///                             network is then unchanged
ImportReport import_weights(layers::Module& network, const std::string& model,
                            const ForeignWeights& weights);

/// A user's map from names in a network to names in a weight file: lines of two names, in the
/// format of models::Rename. "#" begins a comment.
///
///   conv{n}      features.{n-1}    # conv1.weight is features.0.weight there
///   fc.bias      head.b            # also of one tensor
class NameMap {
 public:
  /// @throws std::runtime_error  for a file that cannot be read, or naming the malformed line
  explicit NameMap(const std::filesystem::path& path);
  NameMap(const NameMap&) = delete;  // the renames point into words_
  NameMap& operator=(const NameMap&) = delete;

  /// Valid while the map lives.
  layers::models::SourceNames names() const {
    return {.source = source_.c_str(), .renames = renames_};
  }

 private:
  std::string source_;
  std::deque<std::string> words_;  // the renames point into these
  std::vector<layers::models::Rename> renames_;
};

}  // namespace quench::experiments
