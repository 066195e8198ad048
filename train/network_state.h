#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "layers/module.h"

namespace quench::train {

/// What a file of a network's state may hold beside it: tensors below these names are of its training.
inline constexpr const char* kOptimizerPrefix = "optimizer.";
inline constexpr const char* kTrainingPrefix = "training.";

/// The entry of a file's metadata that holds the quantizer of each slot in words, a line each:
/// "conv1.weight lsq 4 bits per_tensor".
inline constexpr const char* kQuantizers = "quantizers";

/// Where a file keeps what is neither parameter nor buffer of the network: names begin so.
std::vector<std::string> other_prefixes(Module& network);

/// Network and quantizers under the names of Module::parameters() and buffers(), quantizer state as
/// "<layer>.<slot>.<name>". The metadata hold `model` and, as kQuantizers, the quantizers.
TensorFile network_state(Module& network, const std::string& model);

/// Restores what network_state() took.
/// @throws std::runtime_error  if `file` holds another model, or tensors are missing, unknown or
///                             mis-shaped (the message names `path`, the models and the tensors)
void load_network(Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path);

/// Restores parameters and buffers alone, e.g. a float network as the start of quantized training.
/// Quantizer state in the file is ignored. @throws std::runtime_error  as load_network()
void load_weights(Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path);

/// What became of the quantizers of a network that starts from a trained one.
struct KeptQuantizers {
  std::size_t kept = 0;            ///< slots
  std::vector<std::string> fresh;  ///< slots that begin anew, with the reason
};

/// Gives each quantizer of `network` what the same slot had learned in `file`: trained scales and
/// thresholds, gathered ranges. It has to be of the same method, bits and granularity there; another
/// one begins anew, and so does each one's place in the run (alpha, freezing).
KeptQuantizers load_trained_quantizers(Module& network, const TensorFile& file);

/// @throws std::runtime_error  if `file` does not say that it holds `model`; names `path`
void require_model(const std::string& model, const TensorFile& file,
                   const std::filesystem::path& path);

/// The tensors whose names begin with `prefix`, under the rest of their names.
std::map<std::string, Tensor> tensors_below(const std::map<std::string, Tensor>& tensors,
                                            const std::string& prefix);

/// Whether a tensor of that name is a batch norm's running variance with a value below 0, which no data
/// give and whose root is NaN.
bool has_negative_variance(const std::string& name, const Tensor& tensor);

}  // namespace quench::train
