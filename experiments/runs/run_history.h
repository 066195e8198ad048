#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/runs/versions.h"

namespace quench::experiments {

/// A config key that changed when a run was resumed. Values are bare words of TOML, so "key=from"
/// and "key=to" are overrides for load_experiment().
struct KeyChange {
  std::string key, from, to;
  bool operator==(const KeyChange&) const = default;
};

/// The part of a run that one process trained.
struct RunPart {
  std::int64_t epoch = 0;  ///< completed epochs, and steps of the next one, at its start
  std::int64_t step = 0;
  std::string started;             ///< "2026-11-22T02:22:10Z"
  std::string checkpoint;          ///< file in the run folder it resumed from; may be empty
  std::vector<KeyChange> changes;  ///< to the config, by `train --resume RUN --set`
  Versions versions;
};

/// The processes that trained a run, from versions.json of its folder.
struct RunHistory {
  std::vector<RunPart> parts;  ///< never empty
  std::string config;          ///< config.toml as the run wrote it; empty for a run of quench 0.1
};

/// As JSON: the first part's versions and the config, and under "resumed" the later parts.
std::string history_text(const RunHistory& history);
/// @throws std::runtime_error  for any other text
RunHistory history_from_text(const std::string& text);

/// @throws std::runtime_error  naming the file
void write_history(const std::filesystem::path& path, const RunHistory& history);
RunHistory read_history(const std::filesystem::path& path);

/// Overrides that turn the config after all parts into that of part `index`.
std::vector<std::string> config_of_part(const RunHistory& history, std::size_t index);

/// A part, the epoch where it ends, and its index among all parts.
struct TrainedPart {
  std::size_t index = 0;
  std::int64_t end_epoch = -1;  ///< start of the next part; -1: it ran to the end
  std::int64_t end_step = 0;
};
/// The parts that contribute to the run's result, in order. A part does not contribute if a later
/// part began at the same or an earlier position.
std::vector<TrainedPart> trained_parts(const RunHistory& history);

}  // namespace quench::experiments
