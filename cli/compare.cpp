#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "cli/parts/compare_runs.h"
#include "cli/parts/run_options.h"
#include "cli/parts/stop_signal.h"
#include "core/parallel.h"
#include "experiments/compare/comparison_report.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

struct CompareCommand {
  std::string config;
  std::vector<std::string> vary;
  std::vector<std::string> variants;
  std::string seeds = "0..4";
  std::vector<std::string> overrides;
  std::string data_dir;
  int jobs = 1;
  std::string run;
  std::string resume;
  bool json = false;
  std::vector<std::string> command_line;
};

/// The comparison given on the command line. Loads and builds every variant, so errors in one are
/// reported before anything runs.
experiments::Comparison wanted_comparison(const CompareCommand& options, int threads) {
  require(!options.config.empty(), "compare: expected a config file or --resume DIR");
  const std::vector<experiments::Variant> variants =
      experiments::make_variants(options.variants, options.vary);
  require(!variants.empty(),
          "compare: expected --vary key=value,value or --variant 'name: key=value'");
  const std::vector<std::uint64_t> seeds = experiments::parse_seeds(options.seeds);
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return experiments::resolve_comparison(
      options.config, overrides, variants, seeds, threads,
      experiments::current_versions(seeds.front(), options.command_line));
}

/// Parallel runs share the cores, unless the config sets the number of threads.
int threads_per_run(int jobs) { return std::max(1, num_threads() / jobs); }

experiments::ComparisonFolder begin_or_continue(const CompareCommand& options) {
  if (options.run.empty()) {
    return experiments::ComparisonFolder::create(
        "runs", wanted_comparison(options, threads_per_run(options.jobs)));
  }
  if (!experiments::ComparisonFolder::is_one(options.run)) {
    return experiments::ComparisonFolder::create_at(
        options.run, wanted_comparison(options, threads_per_run(options.jobs)));
  }
  experiments::ComparisonFolder folder = experiments::ComparisonFolder::open(options.run);
  // Keeps the original number of threads: other --jobs must not change the bits of later runs.
  const int threads = folder.comparison().threads;
  experiments::require_same(folder.comparison(), wanted_comparison(options, threads), options.run);
  return folder;
}

experiments::ComparisonFolder choose_folder(const CompareCommand& options) {
  if (options.resume.empty()) return begin_or_continue(options);
  const bool alone = options.config.empty() && options.vary.empty() && options.variants.empty() &&
                     options.overrides.empty() && options.run.empty();
  require(alone,
          "compare --resume: a comparison resumes unchanged, so it accepts no config, --vary, "
          "--variant, --set or --run");
  return experiments::ComparisonFolder::open(options.resume);
}

void warn_of_other_program(const experiments::Comparison& comparison) {
  const std::string here = experiments::current_versions(0, {}).commit;
  if (comparison.versions.commit == here) return;
  remark(fmt::format("warning: this comparison was started with commit {}, this program is {}",
                     comparison.versions.commit, here));
}

struct Report {
  std::vector<experiments::RunOutcome> outcomes;
  std::vector<experiments::VariantSummary> summaries;
  std::string json;
};

/// Updates compare.csv and compare.json.
Report write_report(const experiments::ComparisonFolder& folder,
                    const std::vector<experiments::ComparisonRun>& failed) {
  Report report;
  report.outcomes = experiments::read_outcomes(folder, failed);
  report.summaries = experiments::summarize(folder.comparison(), report.outcomes);
  report.json = experiments::comparison_json(folder, report.outcomes, report.summaries);
  write_file_atomically(folder.csv(), experiments::comparison_csv(folder, report.outcomes));
  write_file_atomically(folder.json(), report.json);
  return report;
}

void compare(const CompareCommand& options) {
  const experiments::ComparisonFolder folder = choose_folder(options);
  const experiments::Comparison& comparison = folder.comparison();
  warn_of_other_program(comparison);
  catch_stop_signals();
  remark(fmt::format("comparison {}: {}, {}", folder.path().string(),
                     counted(std::ssize(comparison.variants), "variant"),
                     counted(std::ssize(comparison.seeds), "seed")));
  const CompareOptions running{
      .program = options.command_line.front(), .data_dir = options.data_dir, .jobs = options.jobs};
  const auto failed = make_missing_runs(
      folder, running, [&](const auto& failures) { write_report(folder, failures); });
  const Report report = write_report(folder, failed);
  fmt::print("{}", options.json ? report.json
                                : experiments::comparison_table(comparison, report.summaries));
  std::fflush(stdout);
  if (stop_signal() != 0) {
    remark(fmt::format("stopped; saved. Resume with: quench compare --resume {}",
                       folder.path().string()));
    throw Exit{128 + stop_signal()};
  }
  if (!failed.empty()) {
    fail("{} of {} runs failed; retry with: quench compare --resume {}", failed.size(),
         report.outcomes.size(), folder.path().string());
  }
}

}  // namespace

void add_compare(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "compare", "Train variants of an experiment with several seeds and compare them in pairs");
  const auto options = std::make_shared<CompareCommand>();
  options->command_line = std::move(command_line);
  command.add("CONFIG", options->config, "Experiment, e.g. examples/quickstart.toml");
  command.add("--vary", options->vary,
              "Values of one key, one variant each: --vary quant.method=ste,ab",
              {.type_name = "KEY=V1,V2"});
  command.add("--variant", options->variants,
              "A variant that sets several keys: --variant 'wide: model.width=1 optimizer.lr=1e-3'",
              {.type_name = "'NAME: KEY=VALUE...'"});
  command.add("--seeds", options->seeds, "Seeds of each variant, e.g. 0..4 or 1,5,9",
              {.show_default = true, .type_name = "LIST"});
  command.add("--set", options->overrides, "Override one config key for all variants",
              {.type_name = "KEY=VALUE"});
  command.add("--data-dir", options->data_dir,
              "Data set folder (default: $QUENCH_DATA, else data.dir of the config)",
              {.type_name = "DIR"});
  command.add("--jobs", options->jobs, "Number of parallel runs; they share the cores",
              {.show_default = true, .min = 1, .max = kMaxThreads});
  command.add(
      "--run", options->run,
      "Folder (default: runs/compare-<config name>-<n>); continued if it holds this comparison",
      {.type_name = "DIR"});
  command.add("--resume", options->resume, "Continue the comparison in this folder",
              {.type_name = "RUN"});
  command.add("--json", options->json, "Print compare.json instead of the table");
  command.run([options] { compare(*options); });
}

}  // namespace quench::cli
