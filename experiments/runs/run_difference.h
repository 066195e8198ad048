#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/versions.h"

namespace quench::experiments {

/// The first difference between the metrics of two runs of one config, except times: "epoch 2:
/// loss: 0.7412 and 0.7413", or "epoch 2: conv2.weight: scale: ...". Nothing if they agree on all
/// epochs that both have; NaN equals NaN.
std::optional<std::string> first_difference(const std::vector<EpochMetrics>& a,
                                            const std::vector<EpochMetrics>& b);

/// The tensors that differ between two checkpoints, sorted by name: "conv1.weight: 3 of 432
/// elements, by at most 1.2e-07". Compares bytes, so NaN equals itself and 0 differs from -0.
/// @throws std::runtime_error  for a damaged file
std::vector<std::string> different_tensors(const std::filesystem::path& a,
                                           const std::filesystem::path& b);

/// Possible causes of a difference: "commit: then abc, now def", for commit, oneDNN, compiler, CPU,
/// ranks and threads.
std::vector<std::string> different_versions(const Versions& then, const Versions& now);

}  // namespace quench::experiments
