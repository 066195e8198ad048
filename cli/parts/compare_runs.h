#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/compare/comparison_folder.h"

namespace quench::command {

struct CompareOptions {
  std::string program;   ///< argv[0], for the command lines that the runs keep
  std::string data_dir;  ///< instead of the configs' data.dir; empty for those
  int jobs = 1;          ///< runs at the same time; >= 1
};

/// Makes the runs of a comparison that are not done yet, each a process of its own: trains it from
/// the start or from its last checkpoint, then judges it on the test images. Progress goes to
/// stderr. A run that fails is reported with the end of its log, and the others go on. Stops when
/// stop_signal() says so, with every run saved.
/// @param on_progress  called with the runs that failed so far, after each that ends
/// @return             the runs that failed
std::vector<train::ComparisonRun> make_missing_runs(
    const train::ComparisonFolder& folder, const CompareOptions& options,
    const std::function<void(const std::vector<train::ComparisonRun>&)>& on_progress);

}  // namespace quench::command
