#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/safetensors.h"
#include "experiments/runs/layer_metrics.h"
#include "layers/module.h"
#include "train/optimizer.h"

namespace quench::train {

/// Where a run stands: with the network, its quantizers and the optimizer, all that a resumed run
/// needs. What random streams yield follows from the seed and this position.
struct Progress {
  std::int64_t epoch = 0;          ///< the epoch in progress, from 0
  std::int64_t step_in_epoch = 0;  ///< batches of it that are done
  std::int64_t step = 0;           ///< optimizer steps since the start
  double loss_sum = 0.0;           ///< over the images seen in this epoch
  std::int64_t correct = 0;        ///< of them, as the training forward pass classified them
  std::int64_t seen = 0;
  double best_top1 = -1.0;  ///< best quantized top1 so far, in percent; -1 before the first
  WeightSigns signs;        ///< at the end of the epoch before; empty in the first
  /// How many images the run has, in words: with others it would not go on as it was. Empty if a
  /// checkpoint does not tell.
  std::string images = {};
  /// How many processes train together, see core/communicator.h: with others it would not either.
  int ranks = 1;
};

/// A place between two steps of a run.
struct Position {
  std::int64_t epoch = 0;          ///< completed
  std::int64_t step_in_epoch = 0;  ///< of the next one, that are done
  auto operator<=>(const Position&) const = default;
};

/// Network and quantizers under the names of Module::parameters() and buffers(), quantizer state as
/// "<layer>.<slot>.<name>". The metadata hold `model` and the quantizers' methods and bits
/// (train/trained_quantizers.h).
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

/// `from` itself, or the last checkpoint of a run folder.
std::filesystem::path checkpoint_at(const std::filesystem::path& from);
/// load_weights() of checkpoint_at(from).
/// @throws std::runtime_error  as load_network(), or for a damaged file
void load_weights(Module& network, const std::string& model, const std::filesystem::path& from);

/// network_state() with the optimizer and the position; written atomically, so `path` always holds
/// a whole one.
void save_checkpoint(const std::filesystem::path& path, Module& network, const std::string& model,
                     const Optimizer& optimizer, const Progress& progress);
/// @throws std::runtime_error  as load_network(), or for a damaged file
Progress load_checkpoint(const std::filesystem::path& path, Module& network,
                         const std::string& model, Optimizer& optimizer);
/// Only the position, of a whole file. @throws std::runtime_error  for a damaged file
Position position_of(const std::filesystem::path& path);

/// Whether a tensor of that name is a batch norm's running variance with a value below 0, which no data
/// give and whose root is NaN.
bool has_negative_variance(const std::string& name, const Tensor& tensor);

}  // namespace quench::train
