#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "experiments/runs/run_table.h"
#include "support/error.h"

namespace quench::command {
namespace {

struct RunsOptions {
  std::vector<std::string> folders;
  std::string sort = "started";
  bool reverse = false;
  std::vector<std::string> filters;
  bool json = false;
};

/// A run found in two of the folders is listed once.
std::vector<train::RunSummary> listed(const RunsOptions& options) {
  std::vector<train::RunFilter> filters(options.filters.begin(), options.filters.end());
  std::vector<std::filesystem::path> found;
  for (const std::string& folder : options.folders) {
    for (const std::filesystem::path& run : train::find_runs(folder)) {
      if (std::ranges::find(found, run) == found.end()) found.push_back(run);
    }
  }
  std::vector<train::RunSummary> runs;
  for (const std::filesystem::path& folder : found) {
    train::RunSummary run = train::summarize_run(folder);
    const auto accepts = [&run](const train::RunFilter& filter) { return filter.accepts(run); };
    if (std::ranges::all_of(filters, accepts)) runs.push_back(std::move(run));
  }
  train::sort_runs(runs, options.sort, options.reverse);
  return runs;
}

void runs(RunsOptions& options) {
  if (options.folders.empty()) options.folders = {"runs"};
  const std::vector<train::RunSummary> all = listed(options);
  if (options.json) {
    fmt::print("{}", train::runs_json(all));
  } else if (all.empty()) {
    fmt::print("no runs{}\n", options.filters.empty() ? "" : " match the filters");
  } else {
    fmt::print("{}", train::runs_text(all));
  }
}

}  // namespace

void add_runs(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "runs", "List all runs: model, data, method, bits, accuracy, progress");
  const auto options = std::make_shared<RunsOptions>();
  command.add("DIR", options->folders, "Folders to search recursively (default: runs)");
  command.add("--sort", options->sort, "Key to sort by; numbers and times in descending order",
              {.show_default = true, .choices = train::run_keys()});
  command.add("--reverse", options->reverse, "Reverse the order");
  command.add(
      "--filter", options->filters,
      "Only runs that match, e.g. method=ab, top1_quantized>80, state!=done (all must hold)",
      {.type_name = "KEY=VALUE"});
  command.add("--json", options->json, "Print JSON");
  command.run([options] { runs(*options); });
}

}  // namespace quench::command
