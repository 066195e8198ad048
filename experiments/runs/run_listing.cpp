#include "experiments/runs/run_listing.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <system_error>

#include "experiments/config/config.h"
#include "experiments/post_training.h"
#include "experiments/runs/folder_lock.h"
#include "experiments/runs/metrics.h"
#include "experiments/search/bit_search.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

void read_config(const fs::path& path, RunSummary& run) {
  const ExperimentConfig config = load_experiment(path);
  run.model = config.model.name;
  run.data = config.data.name;
  const QuantRule rule = quant_rule(config.quant.settings);
  run.method = rule.method;
  run.weight_bits = rule.weight_bits;
  run.activation_bits = rule.activation_bits;
}

void read_accuracy(const fs::path& folder, RunSummary& run) {
  const fs::path metrics = folder / "metrics.csv", report = folder / kQuantizeFile;
  if (fs::exists(metrics)) {
    const std::vector<MetricsRow> rows = read_metrics(metrics);
    if (rows.empty()) return;
    run.top1_quantized = rows.back().top1_quantized;
    run.top1_float = rows.back().top1_float;
  } else if (fs::exists(report)) {
    const QuantizeRecord record = read_quantize_record(report);
    run.top1_quantized = record.top1_quantized;
    run.top1_float = record.top1_float;
  }
}

std::string time_of(const fs::path& file) {
  const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(file));
  return utc_text(std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
}

/// The number of epochs in metrics.csv.
std::int64_t finished_epochs(const fs::path& folder) {
  const fs::path metrics = folder / "metrics.csv";
  return fs::exists(metrics) ? std::ssize(read_metrics(metrics)) : 0;
}

/// For a run without state.json.
RunState state_from_files(const fs::path& folder) {
  RunState state;
  state.started = state.updated = time_of(folder / "config.toml");
  if (fs::exists(folder / "metrics.csv")) {
    state.epochs = load_experiment(folder / "config.toml").train.epochs;
    state.epoch = finished_epochs(folder);
    state.updated = time_of(folder / "metrics.csv");
  }
  const bool complete = fs::exists(folder / "last.safetensors") && state.epoch == state.epochs;
  if (complete || fs::exists(folder / kSearchFile)) state.phase = RunPhase::done;
  return state;
}

bool may_be_run(const fs::path& folder) {
  constexpr std::array kFiles{"config.toml", "state.json", "versions.json", "metrics.csv",
                              "last.safetensors"};
  return std::ranges::any_of(kFiles, [&](const char* file) { return fs::exists(folder / file); });
}

void collect(const fs::path& folder, std::vector<fs::path>& runs) {
  if (may_be_run(folder)) {
    runs.push_back(folder);
    return;
  }
  std::error_code error;  // unreadable folders have no runs to show
  std::vector<fs::path> inner;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) inner.push_back(entry.path());
  }
  std::ranges::sort(inner);
  for (const fs::path& path : inner) collect(path, runs);
}

}  // namespace

RunState state_of_run(const fs::path& folder) {
  const fs::path file = folder / kRunStateFile;
  const auto read = [&] {
    RunState state = fs::exists(file) ? read_run_state(file) : state_from_files(folder);
    // The last state of a killed run can be older than its last epoch.
    if (const std::int64_t done = finished_epochs(folder); done > state.epoch) {
      state.epoch = done;
      state.step = 0;
    }
    return state;
  };
  RunState state = read();
  if (state.phase != RunPhase::running || FolderLock::is_held(folder)) return state;
  // Read again: it may have ended in between.
  state = read();
  if (state.phase == RunPhase::running) state.phase = RunPhase::killed;
  return state;
}

RunSummary summarize_run(const fs::path& folder) {
  RunSummary run{.folder = folder};
  try {
    if (!fs::exists(folder / "config.toml")) fail("no config.toml");
    read_config(folder / "config.toml", run);
    read_accuracy(folder, run);
    run.state = state_of_run(folder);
  } catch (const std::exception& error) {
    run.damage = error.what();
  }
  return run;
}

std::vector<fs::path> find_runs(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail("{}: expected a folder of runs, got {}", folder.string(),
         fs::exists(folder) ? "a file" : "a path that does not exist");
  }
  std::vector<fs::path> runs;
  collect(folder, runs);
  return runs;
}

}  // namespace quench::experiments
