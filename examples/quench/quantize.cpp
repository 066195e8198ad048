#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "core/text_table.h"
#include "examples/quench/command.h"
#include "examples/quench/quantizer_text.h"
#include "examples/quench/run_options.h"
#include "layers/quantized_layer.h"
#include "train/calibrate.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/sqnr.h"

namespace quench::command {
namespace {

struct Options {
  std::string config;
  std::string data_dir;
  std::vector<std::string> overrides;
  std::string checkpoint;
  std::string run;
  bool json = false;
  std::vector<std::string> command_line;
};

/// The network of an experiment with the weights of a trained one, and what it is calibrated by.
struct Experiment {
  train::ExperimentConfig config;
  train::CalibrationConfig calibration;
  train::Data data;
  std::unique_ptr<Module> network;
};

struct Result {
  train::Accuracy floating;
  train::Accuracy quantized;
  std::vector<train::LayerSqnr> layers;
};

train::ExperimentConfig load_config(const Options& options) {
  // Statistics of the trained network fit it: they are not estimated anew, here or by quench eval.
  std::vector<std::string> overrides{"train.bn_batches=0"};
  const auto add = [&overrides](const std::vector<std::string>& more) {
    overrides.insert(overrides.end(), more.begin(), more.end());
  };
  add(data_dir_override(options.data_dir));
  add(options.overrides);
  if (!options.checkpoint.empty()) {
    const bool is_run = std::filesystem::is_directory(options.checkpoint);
    const std::string file =
        is_run ? require_checkpoint(options.checkpoint, "last").string() : options.checkpoint;
    add({fmt::format("train.init_from=\"{}\"", file)});
  }
  return train::load_experiment(options.config, overrides);
}

Experiment load(const Options& options) {
  Experiment e{.config = load_config(options)};
  const std::string& start = e.config.train.init_from;
  require(!start.empty(),
          "quantize: expected a trained checkpoint to start from, got none: give --checkpoint RUN "
          "or FILE, or the key train.init_from");
  apply_threads(e.config);
  e.calibration = e.config.calibration
                      ? *e.config.calibration
                      : train::read_calibration(e.config.root, e.config.train.eval_batch_size);
  e.data = train::load_data(e.config);
  e.network = train::build_network(e.config, e.data.train->format());
  require(is_quantized(*e.network),
          "quantize: expected a config that quantizes some layer, got method \"none\" for all: set "
          "[quant] or give --set quant.method=NAME (quench list quantizers)");
  train::load_weights(*e.network, e.config.model.name, read_safetensors(start), start);
  return e;
}

Result quantize(Experiment& e) {
  Module& network = *e.network;
  const auto judging = train::evaluation_loader(e.config, e.data.judged());
  const auto images = train::calibration_loader(e.config, e.calibration, e.data.train);
  train::ProgressBar bar;
  Result result;
  // First: of the network as it was trained.
  result.floating = train::evaluate(network, *judging, quant::Mode::bypass);
  train::calibrate(network, e.calibration, *images, bar);
  result.layers = train::measure_sqnr(network, *images, e.calibration.batches, bar);
  result.quantized = train::evaluate(network, *judging, quant::Mode::evaluation);
  return result;
}

/// Without a finite value, "exact" for no noise; null in JSON, where a float slot has no entry.
nlohmann::json report(const train::RunFolder& folder, const Experiment& e, const Result& result) {
  nlohmann::json layers = nlohmann::json::array();
  for (const train::LayerSqnr& layer : result.layers) {
    nlohmann::json row{{"layer", layer.layer}, {"output_sqnr_db", layer.output}};
    if (layer.weight) row["weight_sqnr_db"] = *layer.weight;
    if (layer.input) row["input_sqnr_db"] = *layer.input;
    layers.push_back(std::move(row));
  }
  return {{"run", folder.path().string()},
          {"checkpoint", e.config.train.init_from},
          {"images", result.quantized.images},
          {"held_out", e.data.validation != nullptr},
          {"top1_float", result.floating.top1()},
          {"top1_quantized", result.quantized.top1()},
          {"layers", layers}};
}

std::string decibels(const std::optional<double>& value) {
  if (!value) return "-";
  return std::isinf(*value) && *value > 0.0 ? "exact" : fmt::format("{:.1f}", *value);
}

void print_layers(const Experiment& e, const Result& result) {
  std::map<std::string, QuantizedLayer*> layers;
  for (QuantizedLayer* layer : e.network->quantized_layers()) layers[layer->name()] = layer;
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"weight quantizer"},
                   {"SQNR dB", kRight},
                   {"input quantizer"},
                   {"SQNR dB", kRight},
                   {"output SQNR dB", kRight}});
  for (const train::LayerSqnr& row : result.layers) {
    QuantizedLayer& layer = *layers.at(row.layer);
    table.add({row.layer, quantizer_text(layer.weight_quantizer()), decibels(row.weight),
               quantizer_text(layer.input_quantizer()), decibels(row.input), decibels(row.output)});
  }
  fmt::print("{}", table.plain());
}

void print(const train::RunFolder& folder, const Experiment& e, const Result& result) {
  fmt::print("run folder {}\n", folder.path().string());
  fmt::print("{} calibrated on {} batches of {} training images: weights {}, activations {}\n\n",
             e.config.train.init_from, e.calibration.batches, e.calibration.batch_size,
             e.calibration.weights.method, e.calibration.activations.method);
  print_layers(e, result);
  fmt::print("\n  top1 float      {:.2f} %  ({} {} images)\n  top1 quantized  {:.2f} %\n",
             result.floating.top1(), result.quantized.images,
             e.data.validation ? "held-out" : "test", result.quantized.top1());
}

void run(const Options& options) {
  Experiment e = load(options);
  const train::RunFolder folder = new_run_folder(options.run, e.config.name);
  describe_run(folder, e.config, options.command_line);
  const Result result = quantize(e);
  write_safetensors(folder.last(), train::network_state(*e.network, e.config.model.name));
  const nlohmann::json json = report(folder, e, result);
  write_file_atomically(folder.path() / "quantize.json", json.dump(2) + "\n");
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
  command.add("config", options->config, "Experiment with [quant] and [calibration]",
              {.required = true});
  command.add("--checkpoint", options->checkpoint,
              "Trained weights: a run folder or a file (default: train.init_from)");
  command.add("--data-dir", options->data_dir, "Where the data set lies");
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)");
  command.add("--json", options->json, "Print JSON");
  command.run([options] { run(*options); });
}

}  // namespace quench::command
