#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/runs/run_folder.h"
#include "layers/module.h"

namespace quench::cli {

/// The data directory of a run as an override for load_experiment(): `given` on the command line,
/// else the environment's QUENCH_DATA. Empty if neither is set, so the config decides.
std::vector<std::string> data_dir_override(const std::string& given);

/// The override for --checkpoint: train.init_from is the file, or the run's last checkpoint.
/// @throws std::runtime_error  for a run without one
std::string checkpoint_override(const std::string& given);

/// The help of --skip-bad, and its override.
inline constexpr const char* kSkipBadHelp =
    "Leave out files of an image folder that cannot be decoded, and list them";
void add_skip_bad(bool given, std::vector<std::string>& overrides);

/// Prints on stderr where [quant] does less or more for a network than its keys suggest.
void print_notes(layers::Module& network, const experiments::ExperimentConfig& config);

/// Sets the number of threads of the config, or a rank's share of the cores, and flushes denormals.
void apply_threads(const experiments::ExperimentConfig& config);

/// The config.toml of an existing run folder.
/// @throws std::runtime_error  if `folder` is not a run folder
std::filesystem::path require_run(const std::filesystem::path& folder);

/// The config of a run whose weights are used.
/// @throws std::runtime_error     as require_run()
/// @throws std::invalid_argument  as load_experiment(), and for a config.toml that was edited by hand
experiments::ExperimentConfig load_run_config(const std::filesystem::path& folder,
                                              const std::vector<std::string>& overrides);

/// The values of --checkpoint, for its help.
inline constexpr const char* kCheckpointForm = "last|best|epoch-N";
/// The path of a run's checkpoint: "last", "best", or "epoch-12" if the run keeps it
/// (train.keep_every).
/// @throws std::invalid_argument  for another word
/// @throws std::runtime_error     if it does not exist
std::filesystem::path require_checkpoint(const std::filesystem::path& run,
                                         const std::string& which);

/// `given` on the command line, else the next free runs/<name>-<n>.
experiments::RunFolder new_run_folder(const std::string& given, const std::string& name);

}  // namespace quench::cli
