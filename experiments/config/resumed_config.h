#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/runs/run_history.h"

namespace quench::experiments {

/// The keys that may change when a run resumes: they affect only future training, not the result so
/// far.
std::span<const std::string_view> resume_keys();

/// The config of a resumed run, and its changes.
struct ResumedConfig {
  ExperimentConfig config;
  std::vector<KeyChange> changes;  ///< empty: it resumes unchanged
};

/// Reads config.toml of `run` with `overrides`, which may only set resume_keys().
/// @param others  overrides that do not count as changes: the location of the images
/// @throws std::invalid_argument  for another key, as load_experiment(), and for an edited
///                                config.toml, whose values differ from those of `history` in more
///                                than data.dir
ResumedConfig resumed_config(const std::filesystem::path& run, const RunHistory& history,
                             const std::vector<std::string>& overrides,
                             const std::vector<std::string>& others);

/// @throws std::invalid_argument  as above, for an edited config.toml
void require_unedited(const std::filesystem::path& run, const RunHistory& history);

}  // namespace quench::experiments
