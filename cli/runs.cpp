#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "experiments/runs/run_table.h"
#include "support/error.h"

namespace quench::cli {
namespace {

struct RunsOptions {
  std::vector<std::string> folders;
  std::string sort = "started";
  bool reverse = false;
  std::vector<std::string> filters;
  bool json = false;
};

/// A run found in two of the folders is listed once.
std::vector<experiments::RunSummary> listed(const RunsOptions& options) {
  std::vector<experiments::RunFilter> filters(options.filters.begin(), options.filters.end());
  std::vector<std::filesystem::path> found;
  for (const std::string& folder : options.folders) {
    for (const std::filesystem::path& run : experiments::find_runs(folder)) {
      if (std::ranges::find(found, run) == found.end()) found.push_back(run);
    }
  }
  std::vector<experiments::RunSummary> runs;
  for (const std::filesystem::path& folder : found) {
    experiments::RunSummary run = experiments::summarize_run(folder);
    const auto accepts = [&run](const experiments::RunFilter& filter) {
      return filter.accepts(run);
    };
    if (std::ranges::all_of(filters, accepts)) runs.push_back(std::move(run));
  }
  experiments::sort_runs(runs, options.sort, options.reverse);
  return runs;
}

void runs(RunsOptions& options) {
  if (options.folders.empty()) options.folders = {"runs"};
  const std::vector<experiments::RunSummary> all = listed(options);
  if (options.json) {
    fmt::print("{}", experiments::runs_json(all));
  } else if (all.empty()) {
    fmt::print("no runs{}\n", options.filters.empty() ? "" : " match the filters");
  } else {
    fmt::print("{}", experiments::runs_text(all));
  }
}

}  // namespace

void add_runs(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "runs", "List all runs: model, data, method, bits, accuracy, progress");
  const auto options = std::make_shared<RunsOptions>();
  command.add("DIR", options->folders, "Folders to search recursively (default: runs)");
  command.add("--sort", options->sort, "Key to sort by; numbers and times in descending order",
              {.show_default = true, .choices = experiments::run_keys()});
  command.add("--reverse", options->reverse, "Reverse the order");
  command.add(
      "--filter", options->filters,
      "Only runs that match, e.g. method=ab, top1_quantized>80, state!=done (all must hold)",
      {.type_name = "KEY=VALUE"});
  command.add("--json", options->json, "Print JSON");
  command.run([options] { runs(*options); });
}

}  // namespace quench::cli
