#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/config/config_file.h"
#include "experiments/post_training.h"
#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/versions.h"

namespace quench::experiments::report {

/// The origin of a run's weights.
enum class RunOrigin : std::uint8_t {
  trained,    ///< in this run
  quantized,  ///< `quench quantize`: another run's or file's, without training
  imported,   ///< `quench import`
};

/// Information from the files of a run folder, without its network or images.
struct RunRecord {
  std::filesystem::path folder;
  std::string name;         ///< display name; see name_runs()
  int group = 0;            ///< shared by runs that differ only in the seed; see name_runs()
  std::string config_text;  ///< config.toml
  ConfigValues config;
  QuantRule quant;
  RunOrigin origin = RunOrigin::trained;
  std::optional<QuantizeRecord> quantized;  ///< for a run of `quench quantize`
  ConfigValues source_config;  ///< of the run that `quench quantize` started from, if available
  std::vector<EpochMetrics> epochs;  ///< without layers if the run has no metrics.jsonl
  std::optional<Versions> versions;
  std::vector<std::string> notes;  ///< missing or damaged parts, for the page's reader

  std::string value_of(const std::string& key) const;  ///< config value; empty if absent
  /// "ab" for a comparison's run "ab/seed-1"; otherwise the whole name.
  std::string variant() const;
  int color() const;  ///< below kRunColors, by group
};

/// Reads the files of a run folder; names missing or damaged ones in `notes`.
/// @throws std::runtime_error  if `folder` is not a run folder, or its config.toml is not TOML
RunRecord read_run_record(const std::filesystem::path& folder);

/// The run folders that command-line words denote: run folders themselves, and for a folder of
/// `quench compare` all its runs that have begun. @throws std::runtime_error  for a word that is
/// neither, a comparison without runs, or a run given twice
std::vector<std::filesystem::path> named_runs(const std::vector<std::string>& words);

/// Names the runs after their folders, with as many path components as needed to distinguish them,
/// and numbers from 0 the groups of runs whose configs differ only in train.seed.
void name_runs(std::vector<RunRecord>& runs);

/// A key whose value is not the same in all configs.
struct ConfigDifference {
  std::string key;
  std::vector<std::string> values;  ///< one per config; empty if absent
  bool operator==(const ConfigDifference&) const = default;
};

/// First the keys that all configs have, then those that some lack, such as settings of other
/// methods; each in key order. Empty if all agree.
std::vector<ConfigDifference> config_differences(const std::vector<ConfigValues>& configs);

}  // namespace quench::experiments::report
