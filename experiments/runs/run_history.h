#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/runs/versions.h"

namespace quench::train {

/// A key of the config that a run was resumed with another value of; values as bare words of TOML, so
/// that "key=from" and "key=to" are overrides for load_experiment().
struct KeyChange {
  std::string key, from, to;
  bool operator==(const KeyChange&) const = default;
};

/// The part of a run that one process trained.
struct RunPart {
  std::int64_t epoch = 0;  ///< completed epochs and steps of the next one that it began with
  std::int64_t step = 0;
  std::string started;             ///< "2026-11-22T02:22:10Z"
  std::string checkpoint;          ///< the file in the run folder that it went on from; empty: none
  std::vector<KeyChange> changes;  ///< to the config, by `train --resume RUN --set`
  Versions versions;
};

/// The processes that trained a run: versions.json of its folder.
struct RunHistory {
  std::vector<RunPart> parts;  ///< never empty
  std::string config;          ///< config.toml as the run wrote it; empty for a run of quench 0.1
};

/// As JSON: the first part's versions and the config, and under "resumed" the parts that followed.
std::string history_text(const RunHistory& history);
/// @throws std::runtime_error  for any other text
RunHistory history_from_text(const std::string& text);

/// @throws std::runtime_error  naming the file
void write_history(const std::filesystem::path& path, const RunHistory& history);
RunHistory read_history(const std::filesystem::path& path);

/// The overrides by which the config after all parts becomes that of part `index`.
std::vector<std::string> config_of_part(const RunHistory& history, std::size_t index);

/// A part, how far it counts, and its number among all.
struct TrainedPart {
  std::size_t index = 0;
  std::int64_t end_epoch = -1;  ///< where the next one began; -1: it went to the end
  std::int64_t end_step = 0;
};
/// The parts that the run's result rests on, in their order: one that a later part began before, or
/// where it began, has none in it.
std::vector<TrainedPart> trained_parts(const RunHistory& history);

}  // namespace quench::train
