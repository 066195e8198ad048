#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/quantize_report.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "experiments/post_training.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"

namespace quench::command {
namespace {

struct Options {
  std::string config;
  std::string data_dir;
  std::vector<std::string> overrides;
  std::string checkpoint;
  std::string run;
  bool json = false;
  bool skip_bad = false;
  std::vector<std::string> command_line;
};

/// The network of an experiment with the weights of a trained one, and what it is calibrated by.
struct Experiment {
  train::ExperimentConfig config;
  train::CalibrationOptions calibration;
  train::Data data;
  std::unique_ptr<Module> network;
};

train::ExperimentConfig load_config(const Options& options) {
  // Statistics of the trained network fit it: they are not estimated anew, here or by quench eval.
  std::vector<std::string> overrides{"train.bn_batches=0"};
  const auto add = [&overrides](const std::vector<std::string>& more) {
    overrides.insert(overrides.end(), more.begin(), more.end());
  };
  add(data_dir_override(options.data_dir));
  add(options.overrides);
  add_skip_bad(options.skip_bad, overrides);
  if (!options.checkpoint.empty()) {
    const bool is_run = std::filesystem::is_directory(options.checkpoint);
    const std::string file =
        is_run ? require_checkpoint(options.checkpoint, "last").string() : options.checkpoint;
    add({fmt::format("train.init_from=\"{}\"", file)});
  }
  return train::load_experiment(options.config, overrides);
}

/// Where the weights come from; empty: from nowhere.
std::string start_of(const train::ExperimentConfig& config) {
  if (!config.train.init_from.empty()) return config.train.init_from;
  return train::has_trained_weights(config.model) ? config.model.onnx.string() : "";
}

Experiment load(const Options& options) {
  Experiment e{.config = load_config(options)};
  require(!start_of(e.config).empty(),
          "quantize: expected a trained checkpoint to start from, got none: give --checkpoint RUN "
          "or FILE, or the key train.init_from or model.onnx");
  if (!e.config.train.init_from.empty()) train::require_uncalibrated(e.config.train.init_from);
  apply_threads(e.config);
  e.calibration = e.config.calibration
                      ? *e.config.calibration
                      : train::read_calibration(e.config.root, e.config.train.eval_batch_size);
  e.data = train::load_data(e.config);
  e.network = train::load_trained(e.config, e.data.train->format());
  require(is_quantized(*e.network),
          "quantize: expected a config that quantizes some layer, got method \"none\" for all: set "
          "[quant] or give --set quant.method=NAME (quench list quantizers)");
  return e;
}

nlohmann::json report(const train::RunFolder& folder, const Experiment& e,
                      const train::PostTrainingResult& result) {
  nlohmann::json json = quantize_json(result);
  json["run"] = folder.path().string();
  json["checkpoint"] = start_of(e.config);
  json["config"] = folder.config().string();
  json["versions"] = provenance(e.config.train.seed);
  json["held_out"] = e.data.validation != nullptr;
  return json;
}

void print(const train::RunFolder& folder, const Experiment& e,
           const train::PostTrainingResult& result) {
  fmt::print("run folder {}\n", folder.path().string());
  const std::int64_t images =
      std::min(e.calibration.batches * e.calibration.batch_size, e.data.train->size());
  fmt::print("{} calibrated on {} training images: weights {}, activations {}\n",
             start_of(e.config), images, e.calibration.weights.method,
             e.calibration.activations.method);
  print_steps(result.calibration);
  fmt::print("\n");
  print_layers(*e.network, result.layers);
  fmt::print("\n  top1 float      {:.2f} %  ({} {} images)\n  top1 quantized  {:.2f} %\n",
             result.floating.top1(), result.quantized.images,
             e.data.validation ? "held-out" : "test", result.quantized.top1());
}

void run(const Options& options) {
  Experiment e = load(options);
  const train::RunFolder folder = new_run_folder(options.run, e.config.name);
  describe_run(folder, e.config, options.command_line);
  train::write_class_names(folder.classes(), e.data.train->class_names());
  print_notes(*e.network, e.config);
  const auto result = [&e] {
    ProgressBar bar;
    return train::quantize_after_training(e.config, e.calibration, e.data, *e.network);
  }();
  train::save_calibrated(folder.last(), *e.network, e.config.model.name, start_of(e.config));
  const nlohmann::json json = report(folder, e, result);
  write_file_atomically(folder.path() / train::kQuantizeFile, json.dump(2) + "\n");
  if (options.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    print(folder, e, result);
  }
}

}  // namespace

void add_quantize(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "quantize", "Quantize a trained network without training: calibrate, judge, save");
  const auto options = std::make_shared<Options>();
  options->command_line = std::move(command_line);
  command.add("CONFIG", options->config, "Experiment with [quant] and [calibration]",
              {.required = true});
  command.add("--checkpoint", options->checkpoint,
              "Trained weights: a run folder or a file (default: train.init_from)",
              {.type_name = "RUN|FILE"});
  command.add("--data-dir", options->data_dir, "Where the data set lies", {.type_name = "DIR"});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)",
              {.type_name = "DIR"});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--json", options->json, "Print JSON");
  command.run([options] { run(*options); });
}

}  // namespace quench::command
