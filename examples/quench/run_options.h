#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/config.h"

namespace quench::command {

/// The data directory for a run: `given` on the command line, else the environment's QUENCH_DATA,
/// else what the config says, as an override for load_experiment(); none in the last case.
std::vector<std::string> data_dir_override(const std::string& given);

/// Sets the threads that the config asks for, and flushes denormals.
void apply_threads(const train::ExperimentConfig& config);

/// The config.toml of an existing run folder.
/// @throws std::runtime_error  if `folder` is none
std::filesystem::path require_run(const std::filesystem::path& folder);

}  // namespace quench::command
