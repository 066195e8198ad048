#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/measure.h"
#include "experiments/report/run_record.h"

namespace quench::experiments::report {

/// Everything that a page shows about one run.
struct RunReport {
  RunRecord record;
  std::string checkpoint = "last";       ///< or "best": the one measured
  std::optional<Measurements> measured;  ///< none without a loadable checkpoint
};

struct LoadOptions {
  std::string checkpoint = "last";     ///< or "best", "epoch-12"
  std::vector<std::string> overrides;  ///< config overrides, e.g. data.dir
  std::int64_t images = 0;             ///< see measure()
};

/// Reads the runs and measures their networks. If a checkpoint or data set is missing, damaged or
/// of another model, what depends on it is omitted, and the notes say so.
/// @throws std::runtime_error  as read_run_record()
std::vector<RunReport> load_runs(const std::vector<std::filesystem::path>& folders,
                                 const LoadOptions& options);

/// One self-contained HTML page without scripts or external addresses.
/// @throws std::invalid_argument  for no runs
std::string report_page(std::span<const RunReport> runs);

/// Writes `folder`/report.html at the end of a run, using the network in memory. Returns an error
/// message, or an empty string on success; never throws, so the run is unaffected.
std::string write_run_report(const std::filesystem::path& folder, layers::Module& network,
                             const ExperimentConfig& config, const Data& data);

/// The same at the end of `quench search`, whose folder holds no network.
std::string write_search_report(const std::filesystem::path& folder);

}  // namespace quench::experiments::report
