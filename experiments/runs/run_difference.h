#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/versions.h"

namespace quench::train {

/// Where the metrics of two runs of one config first differ, times apart: "epoch 2: loss: 0.7412 and
/// 0.7413", or "epoch 2: conv2.weight: scale: ...". Nothing if they agree on all epochs that both
/// have; NaN equals NaN.
std::optional<std::string> first_difference(const std::vector<EpochMetrics>& a,
                                            const std::vector<EpochMetrics>& b);

/// The tensors in which two checkpoints differ, in the order of their names: "conv1.weight: 3 of 432
/// elements, by at most 1.2e-07". Bytes decide, so that NaN equals itself and 0 differs from -0.
/// @throws std::runtime_error  for a damaged file
std::vector<std::string> different_tensors(const std::filesystem::path& a,
                                           const std::filesystem::path& b);

/// What may explain a difference: "commit: then abc, now def", of commit, oneDNN, compiler, CPU,
/// ranks and threads.
std::vector<std::string> different_versions(const Versions& then, const Versions& now);

}  // namespace quench::train
