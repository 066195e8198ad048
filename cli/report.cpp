#include "experiments/report/report.h"

#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/parts/output.h"
#include "cli/parts/run_options.h"
#include "core/parallel.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::cli {
namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string output;
  std::string data_dir;
  std::string checkpoint = "last";
  std::int64_t images = 0;
  bool force = false;
};

/// In the run's folder for one run; in the current folder for several.
std::string output_name(const ReportOptions& options,
                        const std::vector<std::filesystem::path>& runs) {
  if (!options.output.empty()) return options.output;
  return runs.size() == 1 ? (runs[0] / "report.html").string() : "report.html";
}

void report(const ReportOptions& options) {
  const std::vector<std::filesystem::path> folders = experiments::report::named_runs(options.runs);
  const std::string name = output_name(options, folders);
  const Output output({.option = "report -o",
                       .name = name,
                       .kind = OutputKind::report,
                       .force = options.force,
                       .reads = folders});
  flush_denormals();
  const auto runs =
      experiments::report::load_runs(folders, {.checkpoint = options.checkpoint,
                                               .overrides = data_dir_override(options.data_dir),
                                               .images = options.images});
  write_file_atomically(output.path(), experiments::report::report_page(runs));
  for (const experiments::report::RunReport& run : runs) {
    for (const std::string& note : run.record.notes)
      remark(fmt::format("{}: {}", run.record.name, note));
  }
  fmt::print("{}\n", name);
}

}  // namespace

void add_report(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "report", "Write a page about runs: curves, layers, histograms, mistakes, side by side");
  const auto options = std::make_shared<ReportOptions>();
  command.add("RUN", options->runs, "Run folders, or folders of quench compare",
              {.required = true});
  command.add("-o,--output", options->output,
              "HTML file to write (default: report.html, in the run folder if it is one run)",
              {.type_name = "FILE"});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add("--checkpoint", options->checkpoint, "Checkpoint of each run",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--images", options->images,
              "Images to count mistakes on (default: up to 10,000, which takes seconds)",
              {.min = 1, .max = 1e9});
  add_force(command, options->force);
  command.run([options] { report(*options); });
}

}  // namespace quench::cli
