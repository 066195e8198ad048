#include "experiments/runs/metrics_log.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/runs/tensorboard.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

/// The epochs on file; for a run older than metrics.jsonl, those of metrics.csv.
std::vector<EpochMetrics> kept_epochs(const RunFolder& folder) {
  std::vector<EpochMetrics> detailed;
  if (fs::exists(folder.epoch_metrics())) detailed = read_epoch_metrics(folder.epoch_metrics());
  std::vector<EpochMetrics> kept;
  for (const MetricsRow& row : read_metrics(folder.metrics())) {
    const auto found =
        std::ranges::find(detailed, row.epoch, [](const EpochMetrics& m) { return m.row.epoch; });
    kept.push_back(found == detailed.end() ? EpochMetrics{.row = row} : *found);
  }
  return kept;
}

}  // namespace

void log_epoch(const RunFolder& folder, const EpochMetrics& metrics) {
  MetricsWriter(folder.metrics()).append(metrics.row);
  append_to_file(folder.epoch_metrics(), line_of(metrics));
  EventFile(folder.path()).append(metrics);
}

void truncate_metrics(const RunFolder& folder, std::int64_t epochs) {
  MetricsWriter(folder.metrics()).truncate(epochs);
  if (!fs::exists(folder.metrics())) return;
  const std::vector<EpochMetrics> kept = kept_epochs(folder);
  std::string lines;
  for (const EpochMetrics& metrics : kept) lines += line_of(metrics);
  write_file_atomically(folder.epoch_metrics(), lines);
  EventFile(folder.path()).rewrite(kept);
}

}  // namespace quench::experiments
