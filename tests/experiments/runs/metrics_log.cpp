#include "experiments/runs/metrics_log.h"

#include <doctest/doctest.h>

#include <fstream>

#include "experiments/small_experiment.h"

namespace quench::experiments {
namespace {

EpochMetrics epoch(std::int64_t number) {
  return {.row = {.epoch = number, .step = 4 * number, .loss = 1.0 / static_cast<double>(number)},
          .wall_time = 1.7e9 + static_cast<double>(number),
          .layers = {{"conv1.weight", {{"scale", 0.5}}}}};
}

TEST_CASE("metrics log: an epoch goes into every file") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  log_epoch(folder, epoch(1));
  log_epoch(folder, epoch(2));
  CHECK(read_metrics(folder.metrics()) == std::vector{epoch(1).row, epoch(2).row});
  CHECK(read_epoch_metrics(folder.epoch_metrics()) == std::vector{epoch(1), epoch(2)});
}

TEST_CASE(
    "metrics log: truncated files equal those of fewer epochs, also after an incomplete line") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  truncate_metrics(folder, 0);
  CHECK_FALSE(std::filesystem::exists(folder.epoch_metrics()));
  log_epoch(folder, epoch(1));
  const std::string csv = read_bytes(folder.metrics()), lines = read_bytes(folder.epoch_metrics());
  log_epoch(folder, epoch(2));
  std::ofstream(folder.epoch_metrics(), std::ios::app) << "{\"epoch\":3,";
  truncate_metrics(folder, 1);
  CHECK(read_bytes(folder.metrics()) == csv);
  CHECK(read_bytes(folder.epoch_metrics()) == lines);
}

TEST_CASE("metrics log: a run older than metrics.jsonl gets one, with the rows of metrics.csv") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  MetricsWriter(folder.metrics()).append(epoch(1).row);
  truncate_metrics(folder, 1);
  CHECK(read_epoch_metrics(folder.epoch_metrics()) ==
        std::vector{EpochMetrics{.row = epoch(1).row}});
}

}  // namespace
}  // namespace quench::experiments
