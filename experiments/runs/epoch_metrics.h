#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "experiments/runs/metrics.h"

namespace quench::train {

/// Values of one quantizer after an epoch.
struct SlotMetrics {
  std::string slot;                                    ///< "<layer>.<slot>", e.g. "conv2.weight"
  std::vector<std::pair<std::string, double>> values;  ///< e.g. {"alpha", 0.5}
  bool operator==(const SlotMetrics&) const = default;
};
using LayerMetrics = std::vector<SlotMetrics>;

/// How much of one class is recognized, in percent of its images that the run is judged by; NaN if
/// there are none. Both are the same in a run without quantizers.
struct ClassAccuracy {
  std::string name;
  double quantized = 0.0;
  double floating = 0.0;
  bool operator==(const ClassAccuracy&) const = default;
};

/// One line of metrics.jsonl: a row of metrics.csv, and what it has no columns for.
struct EpochMetrics {
  MetricsRow row;
  double wall_time = 0.0;              ///< when it was written, in seconds since 1970
  LayerMetrics layers;                 ///< see layer_metrics.h
  std::vector<ClassAccuracy> classes;  ///< by label; none in runs of quench 0.1
  bool operator==(const EpochMetrics&) const = default;
};

/// A JSON object with a key for every column of metrics.csv, "wall_time", "layers" and "classes", and a
/// line end. Numbers read back to the same bits; NaN and infinities, which JSON lacks, become null.
std::string line_of(const EpochMetrics& metrics);

/// Reads metrics.jsonl; null becomes NaN, keys it does not know are passed over, and so is a last
/// line without its end, left by a killed process.
/// @throws std::runtime_error  naming file, line and key
std::vector<EpochMetrics> read_epoch_metrics(const std::filesystem::path& path);

}  // namespace quench::train
