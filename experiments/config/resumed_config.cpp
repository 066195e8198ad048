#include "experiments/config/resumed_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <set>

#include "experiments/config/config_file.h"
#include "support/error.h"
#include "support/file.h"
#include "support/suggest.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 23> kResumeKeys{
    "train.epochs",
    "train.threads",
    "train.label_smoothing",
    "train.bn_freeze_epoch",
    "train.checkpoint_every_steps",
    "train.keep_last",
    "train.keep_best",
    "train.keep_every",
    "train.verify_every",
    "train.verify_batches",
    "optimizer.lr",
    "optimizer.quantizer_lr_scale",
    "optimizer.weight_decay",
    "schedule.name",
    "schedule.warmup_epochs",
    "schedule.step_epochs",
    "schedule.drop_steps",
    "schedule.milestones",
    "schedule.gamma",
    "schedule.final_lr",
    "schedule.restart_steps",
    "schedule.decay",
    "data.loader_threads",
};

void require_resume_keys(const std::vector<std::string>& overrides) {
  const std::vector<std::string> known(kResumeKeys.begin(), kResumeKeys.end());
  for (const auto& entry : config_values(settings_of(overrides).resolved(), "--set")) {
    const std::string& key = entry.first;
    require(std::ranges::find(known, key) != known.end(),
            "train --resume: expected --set of a key that may change within a run, got '{}'{}; "
            "other values require a new run",
            key, suggestion(key, known));
  }
}

/// Keys with different values, except the location of the images, which depends on the machine.
std::vector<std::string> edited_keys(const ConfigValues& written, const ConfigValues& found) {
  std::set<std::string> keys;
  for (const auto& entry : written) keys.insert(entry.first);
  for (const auto& entry : found) keys.insert(entry.first);
  keys.erase("data.dir");
  std::vector<std::string> edited;
  const auto value = [](const ConfigValues& values, const std::string& key) {
    const auto at = values.find(key);
    return at == values.end() ? "absent" : "'" + at->second + "'";
  };
  for (const std::string& key : keys) {
    if (value(written, key) != value(found, key))
      edited.push_back(
          fmt::format("{} is {} and was {}", key, value(found, key), value(written, key)));
  }
  return edited;
}

/// Whether config.toml is older than the last parts: a process was killed after it wrote
/// versions.json and before it wrote config.toml.
bool lags_behind(const RunHistory& history, ConfigValues values, const ConfigValues& found) {
  for (const RunPart& part : history.parts | std::views::reverse) {
    for (const KeyChange& change : part.changes) values[change.key] = change.from;
    if (edited_keys(values, found).empty()) return true;
  }
  return false;
}

std::vector<KeyChange> changes_between(const ExperimentConfig& before,
                                       const ExperimentConfig& after) {
  ConfigValues old_values = config_values(before.resolved(), "config");
  ConfigValues new_values = config_values(after.resolved(), "config");
  std::vector<KeyChange> changes;
  for (const std::string_view name : kResumeKeys) {
    const std::string key(name);
    if (old_values[key] != new_values[key])
      changes.push_back({.key = key, .from = old_values[key], .to = new_values[key]});
  }
  return changes;
}

}  // namespace

std::span<const std::string_view> resume_keys() { return kResumeKeys; }

void require_unedited(const fs::path& run, const RunHistory& history) {
  if (history.config.empty()) return;
  const fs::path file = run / "config.toml";
  const ConfigValues written = config_values(history.config, (run / "versions.json").string());
  const ConfigValues found = config_values(read_text(file), file.string());
  const std::vector<std::string> edited = edited_keys(written, found);
  require(edited.empty() || lags_behind(history, written, found),
          "{}: expected the config that the run wrote, got an edited one: {}. Restore it; to "
          "resume with other values, use quench train --resume {} --set key=value",
          file.string(), fmt::join(edited, "; "), run.string());
}

ResumedConfig resumed_config(const fs::path& run, const RunHistory& history,
                             const std::vector<std::string>& overrides,
                             const std::vector<std::string>& others) {
  require_resume_keys(overrides);
  require_unedited(run, history);
  const fs::path file = run / "config.toml";
  // versions.json decides, even if a process was killed before it wrote config.toml.
  std::vector<std::string> values;
  for (const RunPart& part : history.parts) {
    for (const KeyChange& change : part.changes)
      values.push_back(fmt::format("{}={}", change.key, change.to));
  }
  values.insert(values.end(), others.begin(), others.end());
  const ExperimentConfig before = load_experiment(file, values);
  values.insert(values.end(), overrides.begin(), overrides.end());
  ResumedConfig resumed{.config = load_experiment(file, values), .changes = {}};
  resumed.changes = changes_between(before, resumed.config);
  return resumed;
}

}  // namespace quench::experiments
