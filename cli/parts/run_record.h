#pragma once

#include <string>
#include <vector>

#include "experiments/run.h"
#include "experiments/runs/run_folder.h"
#include "experiments/runs/run_history.h"

namespace quench::cli {

/// Records what is needed to repeat the run, before its first step.
void describe_run(const experiments::RunFolder& folder, const experiments::ExperimentConfig& config,
                  const std::vector<std::string>& command_line);

/// The versions.json of a run that resumes; if it has none, a history that begins now.
experiments::RunHistory history_of(const experiments::RunFolder& folder);

/// Adds the part that `run` is about to train to versions.json and writes the current config.toml.
/// Differences from the previous part are reported on stderr.
void describe_part(const experiments::RunFolder& folder, experiments::RunHistory history,
                   const experiments::Run& run, std::vector<experiments::KeyChange> changes,
                   const std::vector<std::string>& command_line);

}  // namespace quench::cli
