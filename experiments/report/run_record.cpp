#include "experiments/report/run_record.h"

#include <algorithm>
#include <functional>
#include <set>

#include "experiments/compare/comparison.h"
#include "experiments/compare/comparison_folder.h"
#include "experiments/config/config_file.h"
#include "experiments/report/plots/plot.h"
#include "experiments/runs/run_listing.h"
#include "experiments/search/bit_search.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments::report {
namespace {

namespace fs = std::filesystem;

/// From metrics.jsonl, or from metrics.csv for a run older than that file.
std::vector<EpochMetrics> read_epochs(const fs::path& folder) {
  if (const fs::path detailed = folder / "metrics.jsonl"; fs::exists(detailed))
    return read_epoch_metrics(detailed);
  std::vector<EpochMetrics> epochs;
  for (const MetricsRow& row : read_metrics(folder / "metrics.csv")) epochs.push_back({.row = row});
  return epochs;
}

/// Runs `read` and records its exception as a note.
void try_to(RunRecord& run, const std::function<void()>& read) {
  try {
    read();
  } catch (const std::exception& error) {
    // Two reads may fail on the same file.
    if (std::ranges::find(run.notes, error.what()) == run.notes.end())
      run.notes.emplace_back(error.what());
  }
}

/// The config of the run whose checkpoint was quantized; empty for a bare checkpoint or a missing
/// run.
ConfigValues source_config(const RunRecord& run) {
  if (run.quantized->checkpoint.empty()) return {};
  const fs::path config = run.quantized->checkpoint.parent_path() / "config.toml";
  return fs::exists(config) ? config_values(read_text(config), config.string()) : ConfigValues{};
}

/// Reads the epochs of a trained run. Other runs have none; that is not an error.
void read_metrics_of(RunRecord& run) {
  const auto has = [&run](const char* file) { return fs::exists(run.folder / file); };
  if (has("metrics.csv") || has("metrics.jsonl")) {
    try_to(run, [&run] { run.epochs = read_epochs(run.folder); });
  } else if (has(kQuantizeFile)) {
    run.origin = RunOrigin::quantized;
    try_to(run, [&run] {
      run.quantized = read_quantize_record(run.folder / kQuantizeFile);
      run.source_config = source_config(run);
    });
  } else if (has("last.safetensors") && !has(kRunStateFile)) {
    run.origin = RunOrigin::imported;
  } else if (!has(kSearchFile)) {
    run.notes.emplace_back("no metrics.csv, so curves are missing");
  }
}

/// Notes the state of a run that is not done.
void read_state_of(RunRecord& run) {
  try_to(run, [&run] {
    const RunState state = state_of_run(run.folder);
    if (state.phase == RunPhase::done) return;
    run.notes.push_back(fmt::format("{}, with {} of {} epochs done{}{}", name_of(state.phase),
                                    state.epoch, state.epochs, state.message.empty() ? "" : ": ",
                                    state.message));
  });
}

std::vector<fs::path> comparison_runs(const fs::path& folder) {
  const Comparison comparison = read_comparison(folder / "comparison.json");
  std::vector<fs::path> runs;
  for (const ComparedVariant& variant : comparison.variants) {
    for (const std::uint64_t seed : comparison.seeds) {
      fs::path run = folder / variant.variant.name / fmt::format("seed-{}", seed);
      if (fs::exists(run / "config.toml")) runs.push_back(std::move(run));
    }
  }
  if (runs.empty()) fail("{}: no run of this comparison has begun", folder.string());
  return runs;
}

/// The last `parts` components of a path.
std::string tail(const fs::path& path, std::size_t parts) {
  std::vector<std::string> all;
  for (const fs::path& part : path)
    if (!part.empty() && part != "/") all.push_back(part.string());
  std::string text;
  for (std::size_t i = all.size() - std::min(parts, all.size()); i < all.size(); ++i)
    text += text.empty() ? all[i] : fmt::format("/{}", all[i]);
  return text;
}

std::size_t depth(const fs::path& path) {
  return static_cast<std::size_t>(std::distance(path.begin(), path.end()));
}

}  // namespace

std::string RunRecord::value_of(const std::string& key) const {
  const auto found = config.find(key);
  return found == config.end() ? "" : found->second;
}

std::string RunRecord::variant() const { return name.substr(0, name.rfind("/seed-")); }

int RunRecord::color() const { return group % kRunColors; }

RunRecord read_run_record(const fs::path& folder) {
  RunRecord run{.folder = fs::absolute(folder).lexically_normal()};
  if (run.folder.filename().empty()) run.folder = run.folder.parent_path();
  run.name = run.folder.filename().string();
  const fs::path config = folder / "config.toml";
  if (!fs::exists(config)) {
    fail("{}: expected a run folder, got {}", folder.string(),
         fs::is_directory(folder) ? "one without config.toml" : "a path that does not exist");
  }
  run.config_text = read_text(config);
  run.config = config_values(run.config_text, config.string());
  try_to(run, [&] {
    run.quant = quant_rule(parse_settings(run.config_text, config.string()).table("quant"));
  });
  read_state_of(run);
  read_metrics_of(run);
  if (fs::exists(folder / "versions.json")) {
    try_to(run, [&] { run.versions = versions_from_text(read_text(folder / "versions.json")); });
  } else {
    run.notes.emplace_back("no versions.json: machine and command are unknown");
  }
  return run;
}

std::vector<fs::path> named_runs(const std::vector<std::string>& words) {
  std::vector<fs::path> runs;
  for (const std::string& word : words) {
    if (!ComparisonFolder::is_one(word)) {
      runs.emplace_back(word);
      continue;
    }
    const auto found = comparison_runs(word);
    runs.insert(runs.end(), found.begin(), found.end());
  }
  std::set<fs::path> seen;
  for (const fs::path& run : runs) {
    if (!seen.insert(fs::weakly_canonical(fs::absolute(run).lexically_normal())).second)
      fail("report: the run {} is named twice", run.string());
  }
  return runs;
}

void name_runs(std::vector<RunRecord>& runs) {
  std::size_t most = 1;
  for (const RunRecord& run : runs) most = std::max(most, depth(run.folder));
  for (std::size_t parts = 1; parts <= most; ++parts) {
    std::set<std::string> names;
    for (RunRecord& run : runs) names.insert(run.name = tail(run.folder, parts));
    if (names.size() == runs.size()) break;
  }
  std::vector<std::pair<RunOrigin, ConfigValues>> groups;
  for (RunRecord& run : runs) {
    std::pair key(run.origin, run.config);
    key.second.erase("train.seed");
    const auto found = std::ranges::find(groups, key);
    run.group = static_cast<int>(found - groups.begin());
    if (found == groups.end()) groups.push_back(std::move(key));
  }
}

std::vector<ConfigDifference> config_differences(const std::vector<ConfigValues>& configs) {
  std::set<std::string> keys;
  for (const ConfigValues& config : configs)
    for (const auto& [key, value] : config) keys.insert(key);
  std::vector<ConfigDifference> differences;
  for (const std::string& key : keys) {
    ConfigDifference difference{key, {}};
    bool same = true;
    for (const ConfigValues& config : configs) {
      const auto found = config.find(key);
      difference.values.push_back(found == config.end() ? "" : found->second);
      same &= config.contains(key) == configs.front().contains(key) &&
              difference.values.back() == difference.values.front();
    }
    if (!same) differences.push_back(std::move(difference));
  }
  std::stable_partition(differences.begin(), differences.end(), [&](const auto& difference) {
    return std::ranges::all_of(
        configs, [&](const ConfigValues& config) { return config.contains(difference.key); });
  });
  return differences;
}

}  // namespace quench::experiments::report
