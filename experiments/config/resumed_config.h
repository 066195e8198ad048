#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/runs/run_history.h"

namespace quench::train {

/// The keys of which a run can be resumed with another value: they steer what follows, and what was
/// trained so far does not rest on them.
std::span<const std::string_view> resume_keys();

/// The config of a run that goes on, and what is other than it was.
struct ResumedConfig {
  ExperimentConfig config;
  std::vector<KeyChange> changes;  ///< none: it goes on as it was
};

/// Reads config.toml of `run` with `overrides`, all of which have to be resume_keys().
/// @param others  overrides that are no change: where the images lie
/// @throws std::invalid_argument  for another key, as load_experiment(), and for a config.toml whose
///                                values are not those of `history`, data.dir apart: it was edited
ResumedConfig resumed_config(const std::filesystem::path& run, const RunHistory& history,
                             const std::vector<std::string>& overrides,
                             const std::vector<std::string>& others);

/// @throws std::invalid_argument  as above, for an edited config.toml
void require_unedited(const std::filesystem::path& run, const RunHistory& history);

}  // namespace quench::train
