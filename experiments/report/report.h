#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/measure.h"
#include "experiments/report/run_record.h"

namespace quench::train::report {

/// All that a page shows of one run.
struct RunReport {
  RunRecord record;
  std::string checkpoint = "last";       ///< or "best": what was measured
  std::optional<Measurements> measured;  ///< none without a checkpoint that can be loaded
};

struct LoadOptions {
  std::string checkpoint = "last";     ///< or "best", "epoch-12"
  std::vector<std::string> overrides;  ///< of the config, e.g. data.dir
  std::int64_t images = 0;             ///< see measure()
};

/// Reads the runs and measures their networks. A checkpoint or a data set that is missing, damaged
/// or of another model leaves out what needs it, and says so in the notes.
/// @throws std::runtime_error  as read_run_record()
std::vector<RunReport> load_runs(const std::vector<std::filesystem::path>& folders,
                                 const LoadOptions& options);

/// One self-contained HTML page: no script, no address outside it.
/// @throws std::invalid_argument  for no runs
/// @throws std::runtime_error     if gnuplot is missing or fails
std::string report_page(std::span<const RunReport> runs);

/// At the end of a run, from the network at hand: writes `folder`/report.html. What goes wrong is
/// returned as a text, and the run is none the worse; empty: all is well.
std::string write_run_report(const std::filesystem::path& folder, Module& network,
                             const ExperimentConfig& config, const Data& data);

}  // namespace quench::train::report
