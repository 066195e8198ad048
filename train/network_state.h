#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "layers/module.h"

namespace quench::train {

/// Other tensors in a file with a network's state: those below these prefixes belong to its
/// training.
inline constexpr const char* kOptimizerPrefix = "optimizer.";
inline constexpr const char* kTrainingPrefix = "training.";

/// The metadata entry with the quantizer of each slot as text, one line per slot: "conv1.weight lsq
/// 4 bits per_tensor".
inline constexpr const char* kQuantizers = "quantizers";

/// The name prefixes of tensors that are neither parameters nor buffers of the network.
std::vector<std::string> other_prefixes(layers::Module& network);

/// The state of network and quantizers: tensors under the names of Module::parameters() and
/// buffers(), quantizer state as "<layer>.<slot>.<name>". The metadata contain `model` and, as
/// kQuantizers, the quantizers.
TensorFile network_state(layers::Module& network, const std::string& model);

/// Restores the state from network_state().
/// @throws std::runtime_error  if `file` contains another model, or tensors are missing, unknown or
///                             mis-shaped (the message names `path`, the models and the tensors)
void load_network(layers::Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path);

/// Restores only parameters and buffers, e.g. a float network as the start of quantized training.
/// Quantizer state in the file is ignored. @throws std::runtime_error  as load_network()
void load_weights(layers::Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path);

/// The quantizers of a network that starts from a trained one.
struct KeptQuantizers {
  std::size_t kept = 0;            ///< number of slots with restored quantizers
  std::vector<std::string> fresh;  ///< slots that start fresh, with the reason
};

/// Restores each quantizer of `network` from the same slot in `file`: trained scales and
/// thresholds, averaged ranges. The method, bits and granularity must match; otherwise the
/// quantizer starts fresh. Positions in the run (alpha, freezing) always start fresh.
KeptQuantizers load_trained_quantizers(layers::Module& network, const TensorFile& file);

/// @throws std::runtime_error  if `file` is not of `model`; the message names `path`
void require_model(const std::string& model, const TensorFile& file,
                   const std::filesystem::path& path);

/// The tensors whose names start with `prefix`, with the prefix removed.
std::map<std::string, Tensor> tensors_below(const std::map<std::string, Tensor>& tensors,
                                            const std::string& prefix);

/// Whether a tensor with this name is a batch norm's running variance with a value below 0, which
/// no data can produce and whose root is NaN.
bool has_negative_variance(const std::string& name, const Tensor& tensor);

}  // namespace quench::train
