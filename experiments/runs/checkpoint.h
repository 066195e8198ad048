#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/safetensors.h"
#include "experiments/runs/layer_metrics.h"
#include "layers/module.h"
#include "train/network_state.h"
#include "train/optimizer.h"
#include "train/slots_at_limit.h"
#include "train/trainer.h"

namespace quench::experiments {

/// The contents of a checkpoint besides the network, its quantizers and the optimizer: everything
/// that a resumed run needs.
struct Checkpoint {
  train::Progress progress;
  double best_top1 = -1.0;  ///< best quantized top1 so far, in percent; -1 before the first
  WeightSigns signs;        ///< at the end of the previous epoch; empty in the first
  train::SlotsAtLimit at_limit = {};
  /// The numbers of images in the run, as text: the run cannot resume with others. Empty if the
  /// checkpoint does not record it.
  std::string images = {};
  /// The number of processes that train together, see core/communicator.h: likewise.
  int ranks = 1;
};

/// A position between two steps of a run.
struct Position {
  std::int64_t epoch = 0;          ///< completed epochs
  std::int64_t step_in_epoch = 0;  ///< completed steps of the next epoch
  auto operator<=>(const Position&) const = default;
};

/// `from` itself, or the last checkpoint if it is a run folder.
std::filesystem::path checkpoint_at(const std::filesystem::path& from);
/// load_weights() (train/network_state.h) of checkpoint_at(from).
/// @throws std::runtime_error  as load_network(), or for a damaged file
void load_weights(layers::Module& network, const std::string& model,
                  const std::filesystem::path& from);

/// Saves network_state() with the optimizer and the position. Written atomically, so `path` is always
/// a complete file.
void save_checkpoint(const std::filesystem::path& path, layers::Module& network,
                     const std::string& model, const train::Optimizer& optimizer,
                     const Checkpoint& checkpoint);
/// @throws std::runtime_error  as load_network(), or for a damaged file
Checkpoint load_checkpoint(const std::filesystem::path& path, layers::Module& network,
                           const std::string& model, train::Optimizer& optimizer);
/// Checkpoint::at_limit of a file; empty if it does not have it.
/// @throws std::runtime_error  for damaged values
train::SlotsAtLimit slots_at_limit_in(const TensorFile& file, const std::filesystem::path& path);
/// Loads only the position, but checks the whole file. @throws std::runtime_error  for a damaged
/// file
Position position_of(const std::filesystem::path& path);

}  // namespace quench::experiments
