#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/compare/comparison_folder.h"

namespace quench::cli {

struct CompareOptions {
  std::string program;   ///< argv[0], for the command lines that the runs record
  std::string data_dir;  ///< overrides the configs' data.dir; empty: it does not
  int jobs = 1;          ///< parallel runs; >= 1
};

/// Makes the missing runs of a comparison, each in its own process: trains from the start or from
/// the last checkpoint, then evaluates on the test images. Progress goes to stderr. A failed run is
/// reported with the end of its log, and the others continue. Stops when stop_signal() is set, with
/// every run saved.
/// @param on_progress  called after each run that ends, with the runs that have failed so far
/// @return             the runs that failed
std::vector<experiments::ComparisonRun> make_missing_runs(
    const experiments::ComparisonFolder& folder, const CompareOptions& options,
    const std::function<void(const std::vector<experiments::ComparisonRun>&)>& on_progress);

}  // namespace quench::cli
