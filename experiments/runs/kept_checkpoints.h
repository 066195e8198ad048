#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/runs/metrics.h"

namespace quench::experiments {

/// Whether train.keep_last, keep_best or keep_every is set.
bool keeps_checkpoints(const TrainConfig& train);

/// The checkpoint of an epoch that a run keeps besides last and best: "epoch-12.safetensors".
std::filesystem::path kept_checkpoint(const std::filesystem::path& run, std::int64_t epoch);

/// The epochs with a kept checkpoint in `run`, ascending.
std::vector<std::int64_t> kept_epochs(const std::filesystem::path& run);

/// The epochs that train.keep_last, keep_best (by top1_quantized; the first of equals) or
/// keep_every keep after `rows`.
std::set<std::int64_t> epochs_to_keep(const TrainConfig& train, std::span<const MetricsRow> rows);

/// Removes the checkpoints of other epochs. Does nothing if none of the three keys is set.
void prune_kept_checkpoints(const std::filesystem::path& run, const TrainConfig& train,
                            std::span<const MetricsRow> rows);

}  // namespace quench::experiments
