#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/parts/ranks.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "cli/parts/stop_signal.h"
#include "core/communicator.h"
#include "core/parallel.h"
#include "experiments/config/resumed_config.h"
#include "experiments/report/report.h"
#include "experiments/run.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/metrics.h"
#include "experiments/runs/run_folder.h"
#include "layers/quantized_layer.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

struct WeightSize {
  double float_bytes = 0.0;
  double quantized_bytes = 0.0;
};

/// Weights only: the size of batch norm and biases does not depend on the method.
WeightSize weight_size(layers::Module& network) {
  WeightSize size;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    if (!layer->owns_weight()) continue;
    size.float_bytes += static_cast<double>(layer->weight().value().numel()) * 4.0;
    size.quantized_bytes += layer->weight_bytes();
  }
  return size;
}

std::string kib_text(double bytes) { return fmt::format("{:.0f} KiB", bytes / 1024.0); }

/// Prints a summary of a finished run: accuracies, size of the weights, time, files.
void print_summary(experiments::Run& run, const experiments::RunFolder& folder,
                   const experiments::RunResult& result) {
  const std::vector<experiments::MetricsRow> rows = experiments::read_metrics(folder.metrics());
  const auto row = [](std::string_view name, const std::string& value) {
    say(fmt::format("  {:<22} {}", name, value));
  };
  say(fmt::format("\n{} after {}", run.config().name, counted(result.epochs, "epoch")));
  const char* images = run.data().validation ? "held-out images" : "test images";
  const bool quantized = layers::is_quantized(run.network());
  if (!rows.empty()) {
    if (quantized)
      row("top1 quantized", fmt::format("{:.2f} %  ({})", rows.back().top1_quantized, images));
    row("top1 float", fmt::format("{:.2f} %  ({})", rows.back().top1_float, images));
  }
  const WeightSize size = weight_size(run.network());
  row("weights in fp32", kib_text(size.float_bytes));
  if (quantized) {
    row("weights at their bits",
        fmt::format("{}  ({:.1f} x smaller)", kib_text(size.quantized_bytes),
                    size.float_bytes / size.quantized_bytes));
  }
  row("time", format_duration(result.seconds));
  row("checkpoints",
      fmt::format("{}, {}", folder.last().string(), folder.best().filename().string()));
  row("metrics", folder.metrics().string());
}

struct TrainOptions {
  std::string config;
  std::string data_dir;
  std::vector<std::string> overrides;
  std::string run;
  std::string resume;
  bool skip_bad = false;
  bool no_report = false;
  std::vector<std::string> command_line;
};

/// The run is done and saved, so a missing report is not an error.
void report(experiments::Run& run, const experiments::RunFolder& folder) {
  const std::string fault =
      experiments::report::write_run_report(folder.path(), run.network(), run.config(), run.data());
  if (fault.empty()) {
    say(fmt::format("  {:<22} {}", "report", (folder.path() / "report.html").string()));
  } else {
    remark(fmt::format("quench: report.html was not made: {} (--no-report skips it)", fault));
  }
}

/// Rank 0 prints this for all ranks.
void finish(experiments::Run& run, const experiments::RunFolder& folder,
            const experiments::RunResult& result, bool with_report) {
  const int ranks = communicator().size();
  const CommunicatorScope alone;
  if (!result.interrupted) {
    print_summary(run, folder, result);
    if (with_report) report(run, folder);
    return;
  }
  say(fmt::format("stopped after {} of {}; saved. Resume with:\n  {}quench train --resume {}",
                  result.epochs, counted(run.config().train.epochs, "epoch"),
                  ranks == 1 ? "" : fmt::format("mpirun -n {} ", ranks), folder.path().string()));
}

void train(experiments::Run& run, const experiments::RunFolder& folder,
           const TrainOptions& options) {
  catch_stop_signals();
  const bool speaks = communicator().is_root();
  if (speaks) {
    keep_log(folder.log());
    say(fmt::format("run folder {}", folder.path().string()));
    if (const int ranks = communicator().size(); ranks > 1)
      say(fmt::format("{} ranks, {} each", ranks, counted(num_threads(), "thread")));
  }
  const experiments::RunResult result = run.train(folder, [] { return stop_signal() != 0; });
  // Only one rank may have received the signal.
  const auto signal = static_cast<int>(max_over_ranks(stop_signal()));
  if (speaks) finish(run, folder, result, !options.no_report);
  if (result.interrupted) throw Exit{128 + signal};  // as a shell reports the signal itself
}

void train_new(const TrainOptions& options) {
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  add_skip_bad(options.skip_bad, overrides);
  experiments::ExperimentConfig config = experiments::load_experiment(options.config, overrides);
  apply_threads(config);
  experiments::Run run(std::move(config));
  if (communicator().is_root()) print_notes(run.network(), run.config());
  // Created only now, so that a config that fails leaves no folder.
  const experiments::RunFolder folder = folder_of_ranks([&] {
    experiments::RunFolder made = new_run_folder(options.run, run.config().name);
    describe_run(made, run.config(), options.command_line);
    experiments::write_class_names(made.classes(), run.data().train->class_names());
    return made;
  });
  train(run, folder, options);
}

/// Prints the changes with which the run resumes.
void announce(const std::vector<experiments::KeyChange>& changes, const experiments::Run& run) {
  if (changes.empty()) return;
  std::string text;
  for (const experiments::KeyChange& change : changes)
    text += fmt::format("{}{} = {} (was {})", text.empty() ? "" : ", ", change.key, change.to,
                        change.from);
  say(fmt::format("from epoch {} on: {}; the next step's learning rate is {:.1e}",
                  run.position().epoch + 1, text, run.next_lr()));
}

void resume(const TrainOptions& options) {
  require(options.run.empty() && options.config.empty(),
          "train --resume: a run resumes in its folder with its own config, so it accepts no "
          "config and "
          "no --run");
  require_run(options.resume);
  const experiments::RunFolder folder =
      folder_of_ranks([&] { return experiments::RunFolder::open(options.resume); });
  experiments::RunHistory history = history_of(folder);
  experiments::ResumedConfig resumed = experiments::resumed_config(
      folder.path(), history, options.overrides, data_dir_override(options.data_dir));
  apply_threads(resumed.config);
  experiments::Run run(std::move(resumed.config), folder);
  const std::int64_t epochs = run.config().train.epochs;
  const bool is_done = run.position().epoch == epochs;
  require(!is_done || resumed.changes.empty(),
          "train --resume --set: {} has finished all of its {} epochs; add some, e.g. --set "
          "train.epochs={}",
          folder.path().string(), epochs, 2 * epochs);
  if (!is_done && communicator().is_root()) {
    describe_part(folder, std::move(history), run, resumed.changes, options.command_line);
    announce(resumed.changes, run);
  }
  train(run, folder, options);
}

}  // namespace

void add_train(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command =
      program.add_subcommand("train", "Train the network of a config file into a run folder");
  const auto options = std::make_shared<TrainOptions>();
  options->command_line = std::move(command_line);
  command.add("CONFIG", options->config, "Experiment, e.g. examples/quickstart.toml");
  command.add("--data-dir", options->data_dir,
              "Data set folder (default: $QUENCH_DATA, else data.dir of the config)",
              {.type_name = "DIR"});
  command.add("--set", options->overrides, "Override one config key: --set quant.method=ste",
              {.type_name = "KEY=VALUE"});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)",
              {.type_name = "DIR"});
  command.add("--no-report", options->no_report, "Do not write report.html when the run ends");
  command.add("--resume", options->resume,
              "Resume this run folder bit-exactly, or with changes such as --set train.epochs=N",
              {.type_name = "RUN"});
  command.run_as_ranks([options] {
    if (!options->resume.empty()) return resume(*options);
    require(!options->config.empty(), "train: expected a config file or --resume RUN");
    train_new(*options);
  });
}

}  // namespace quench::cli
