#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/runs/run_state.h"

namespace quench::train {

/// What can be said of a run folder without its data.
struct RunSummary {
  std::filesystem::path folder;
  std::string damage;  ///< why nothing more can be said; empty: all is well
  std::string model, data;
  std::string method;    ///< "none"; "ab / ste" if that of activations is another
  int weight_bits = 32;  ///< of the rule for all layers, see quant_rule()
  int activation_bits = 32;
  std::optional<double> top1_quantized;  ///< percent, after the last epoch
  std::optional<double> top1_float;
  RunState state;
};

/// Reads it. Without a state.json, as runs of older versions and those of `quench quantize` and
/// `import` are, the state follows from the other files. Never throws for what is in the folder.
RunSummary summarize_run(const std::filesystem::path& folder);

/// Where a run stands: state.json, or what follows from the other files; "running" that no process
/// holds is "killed". @throws std::runtime_error  for a damaged file
RunState state_of_run(const std::filesystem::path& folder);

/// The run folders in `folder` and in those below it (a comparison's runs lie two deep), and what is
/// left of such, in the order of their names. Links are not followed.
/// @throws std::runtime_error  if `folder` is none
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& folder);

}  // namespace quench::train
