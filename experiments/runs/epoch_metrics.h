#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "experiments/runs/metrics.h"

namespace quench::experiments {

/// Values that one quantizer reports after an epoch.
struct SlotMetrics {
  std::string slot;                                    ///< "<layer>.<slot>", e.g. "conv2.weight"
  std::vector<std::pair<std::string, double>> values;  ///< e.g. {"alpha", 0.5}
  bool operator==(const SlotMetrics&) const = default;
};
using LayerMetrics = std::vector<SlotMetrics>;

/// The accuracy of one class, in percent of its evaluation images; NaN without images. Both values
/// are equal in a run without quantizers.
struct ClassAccuracy {
  std::string name;
  double quantized = 0.0;
  double floating = 0.0;
  bool operator==(const ClassAccuracy&) const = default;
};

/// One line of metrics.jsonl: a row of metrics.csv, and values that have no column there.
struct EpochMetrics {
  MetricsRow row;
  double wall_time = 0.0;              ///< time of writing, in seconds since 1970
  LayerMetrics layers;                 ///< see layer_metrics.h
  std::vector<ClassAccuracy> classes;  ///< in label order; empty in runs of quench 0.1
  bool operator==(const EpochMetrics&) const = default;
};

/// A JSON object with a key for every column of metrics.csv, "wall_time", "layers" and "classes",
/// and a line end. Numbers read back to the same bits; NaN and infinities, which JSON does not
/// support, become null.
std::string line_of(const EpochMetrics& metrics);

/// Reads metrics.jsonl. Null becomes NaN. Unknown keys are ignored, and so is an incomplete last
/// line, which a killed process may leave.
/// @throws std::runtime_error  naming file, line and key
std::vector<EpochMetrics> read_epoch_metrics(const std::filesystem::path& path);

}  // namespace quench::experiments
