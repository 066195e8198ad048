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
#include "train/trainer.h"

namespace quench::train {

/// What a checkpoint holds besides the network, its quantizers and the optimizer: all that a resumed run
/// needs.
struct Checkpoint {
  Progress progress;
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

/// `from` itself, or the last checkpoint of a run folder.
std::filesystem::path checkpoint_at(const std::filesystem::path& from);
/// load_weights() (train/network_state.h) of checkpoint_at(from).
/// @throws std::runtime_error  as load_network(), or for a damaged file
void load_weights(Module& network, const std::string& model, const std::filesystem::path& from);

/// network_state() with the optimizer and the position; written atomically, so `path` always holds
/// a whole one.
void save_checkpoint(const std::filesystem::path& path, Module& network, const std::string& model,
                     const Optimizer& optimizer, const Checkpoint& checkpoint);
/// @throws std::runtime_error  as load_network(), or for a damaged file
Checkpoint load_checkpoint(const std::filesystem::path& path, Module& network,
                           const std::string& model, Optimizer& optimizer);
/// Only the position, of a whole file. @throws std::runtime_error  for a damaged file
Position position_of(const std::filesystem::path& path);

}  // namespace quench::train
