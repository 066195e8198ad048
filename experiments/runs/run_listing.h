#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/runs/run_state.h"

namespace quench::experiments {

/// Facts about a run folder that do not need its data.
struct RunSummary {
  std::filesystem::path folder;
  std::string damage;  ///< why the folder cannot be read; empty if it can
  std::string model, data;
  std::string method;    ///< "none"; "ab / ste" if activations use another method
  int weight_bits = 32;  ///< the rule for all layers, see quant_rule()
  int activation_bits = 32;
  std::optional<double> top1_quantized;  ///< percent, after the last epoch
  std::optional<double> top1_float;
  RunState state;
};

/// Reads a run folder. Without a state.json, as in runs of older versions, `quench quantize` and
/// `import`, the other files determine the state. Never throws because of the folder's contents.
RunSummary summarize_run(const std::filesystem::path& folder);

/// The state of a run: state.json, or derived from the other files. "running" without a process
/// that holds the folder becomes "killed". @throws std::runtime_error  for a damaged file
RunState state_of_run(const std::filesystem::path& folder);

/// The run folders in `folder` and below (a comparison's runs are two levels deep), including
/// damaged ones, sorted by name. Does not follow links.
/// @throws std::runtime_error  if `folder` is not a folder
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& folder);

}  // namespace quench::experiments
