#pragma once

#include <string>
#include <vector>

#include "experiments/run.h"
#include "experiments/runs/run_folder.h"
#include "experiments/runs/run_history.h"

namespace quench::command {

/// Records what is needed to repeat the run, before its first step.
void describe_run(const train::RunFolder& folder, const train::ExperimentConfig& config,
                  const std::vector<std::string>& command_line);

/// The versions.json of a run that resumes; if it has none, a history that begins now.
train::RunHistory history_of(const train::RunFolder& folder);

/// Adds the part that `run` is about to train to versions.json and writes the current config.toml.
/// Differences from the previous part are reported on stderr.
void describe_part(const train::RunFolder& folder, train::RunHistory history, const train::Run& run,
                   std::vector<train::KeyChange> changes,
                   const std::vector<std::string>& command_line);

}  // namespace quench::command
