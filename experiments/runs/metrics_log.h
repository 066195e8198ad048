#pragma once

#include <cstdint>

#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/run_folder.h"

namespace quench::experiments {

/// Appends an epoch to each metrics file of a run: metrics.csv, metrics.jsonl and TensorBoard's. It
/// is on disk when this returns. @throws std::runtime_error  if a file cannot be written
void log_epoch(const RunFolder& folder, const EpochMetrics& metrics);

/// Drops the epochs after the first `epochs` from each file, for a run that resumes from an older
/// checkpoint. @throws std::runtime_error  if a file is damaged or cannot be written
void truncate_metrics(const RunFolder& folder, std::int64_t epochs);

}  // namespace quench::experiments
