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

namespace quench::train::report {

/// Where the weights of a run come from.
enum class RunOrigin : std::uint8_t {
  trained,    ///< in this run
  quantized,  ///< `quench quantize`: those of another run or file, without training
  imported,   ///< `quench import`
};

/// What the files of a run folder tell, without its network or images.
struct RunRecord {
  std::filesystem::path folder;
  std::string name;         ///< on the page; see name_runs()
  int group = 0;            ///< runs that differ in the seed alone share one; see name_runs()
  std::string config_text;  ///< config.toml
  ConfigValues config;
  QuantRule quant;
  RunOrigin origin = RunOrigin::trained;
  std::optional<QuantizeRecord> quantized;  ///< of a run of `quench quantize`
  ConfigValues source_config;  ///< of the run that `quench quantize` started from, if it is there
  std::vector<EpochMetrics> epochs;  ///< without layers for a run that has no metrics.jsonl
  std::optional<Versions> versions;
  std::vector<std::string> notes;  ///< what is missing or damaged, for the reader of the page

  std::string value_of(const std::string& key) const;  ///< of the config; empty if it has none
  /// "ab" of a run of a comparison, "ab/seed-1"; of others the whole name.
  std::string variant() const;
  int color() const;  ///< below kRunColors, by the group
};

/// Files that are missing or damaged are named in `notes`.
/// @throws std::runtime_error  if `folder` is no run folder, or its config.toml is no TOML
RunRecord read_run_record(const std::filesystem::path& folder);

/// The run folders that the words of a command line stand for: run folders as they are, of a folder
/// of `quench compare` all runs that have begun. @throws std::runtime_error  for one that is neither,
/// a comparison without a run, or a run that is named twice
std::vector<std::filesystem::path> named_runs(const std::vector<std::string>& words);

/// Names the runs after their folders, with as much of the path as tells them apart, and numbers the
/// groups of runs whose configs differ in train.seed alone from 0.
void name_runs(std::vector<RunRecord>& runs);

/// A key that not all configs have with one value.
struct ConfigDifference {
  std::string key;
  std::vector<std::string> values;  ///< one per config; empty where it has none
  bool operator==(const ConfigDifference&) const = default;
};

/// First the keys that all configs have, then those that some lack, as they do of other methods'
/// settings; both in the order of keys. None if all agree.
std::vector<ConfigDifference> config_differences(const std::vector<ConfigValues>& configs);

}  // namespace quench::train::report
