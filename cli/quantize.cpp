#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/quantizer_text.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "experiments/post_training.h"
#include "experiments/reconstruction_journal.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

using Reasons = std::vector<std::pair<std::string, std::string>>;  ///< layer, reason

nlohmann::json skipped_json(const Reasons& skipped) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [layer, reason] : skipped)
    rows.push_back({{"layer", layer}, {"reason", reason}});
  return rows;
}

nlohmann::json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [layer, reader] : pairs) rows.push_back({{"layer", layer}, {"reader", reader}});
  return rows;
}

nlohmann::json to_json(const ptq::EqualizationReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"skipped", skipped_json(report.excluded)},
          {"sweeps", report.sweeps},
          {"last_change", report.change}};
}

nlohmann::json to_json(const ptq::BiasAbsorptionReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"channels", report.channels},
          {"skipped", skipped_json(report.excluded)}};
}

nlohmann::json to_json(const ptq::DepthwiseRescaleReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"locked_channels", report.locked},
          {"skipped", skipped_json(report.excluded)}};
}

nlohmann::json to_json(const ptq::ReconstructionReport& report) {
  nlohmann::json units = nlohmann::json::array();
  for (const ptq::UnitReport& unit : report.units) {
    nlohmann::json row{{"unit", unit.unit}, {"loss_nearest", unit.nearest}, {"loss", unit.chosen}};
    if (!unit.note.empty()) row["note"] = unit.note;
    units.push_back(std::move(row));
  }
  return {{"method", report.method}, {"units", std::move(units)}};
}

nlohmann::json to_json(const ptq::BiasCorrectionReport& report) {
  return {{"corrected", report.corrected}, {"skipped", skipped_json(report.skipped)}};
}

nlohmann::json to_json(const std::vector<ptq::LayerSqnr>& layers) {
  nlohmann::json rows = nlohmann::json::array();
  for (const ptq::LayerSqnr& layer : layers) {
    nlohmann::json row{{"layer", layer.layer}, {"output_sqnr_db", layer.output}};
    if (layer.weight) row["weight_sqnr_db"] = *layer.weight;
    if (layer.input) row["input_sqnr_db"] = *layer.input;
    rows.push_back(std::move(row));
  }
  return rows;
}

/// "; not conv1, conv2 (reason), conv3 (other reason)", in order of first appearance.
std::string but_not(const Reasons& skipped) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const auto& [layer, reason] : skipped) {
    const auto known = std::ranges::find(groups, reason, [](const auto& g) { return g.first; });
    auto& group = known != groups.end() ? *known : groups.emplace_back(reason, 0);
    group.second.push_back(layer);
  }
  std::string text;
  for (const auto& [reason, layers] : groups)
    text +=
        fmt::format("{}{} ({})", text.empty() ? "; not " : ", ", fmt::join(layers, ", "), reason);
  return text;
}

std::string decibels(const std::optional<double>& value) {
  if (!value) return "-";
  return std::isinf(*value) && *value > 0.0 ? "exact" : fmt::format("{:.1f}", *value);
}

/// DoReFa and APoT rescale or normalize a weight, which training compensates. Without training,
/// they preserve less of it than its signs alone would (4.4 dB for a normal distribution).
void print_strangers(layers::Module& network, const std::vector<ptq::LayerSqnr>& rows) {
  constexpr double kLeastDb = 3.0;
  std::map<std::string, int> counts;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    const auto row = std::ranges::find(rows, layer->name(), &ptq::LayerSqnr::layer);
    if (row != rows.end() && row->weight.value_or(kLeastDb) < kLeastDb)
      ++counts[layer->weight_quantizer().method()];
  }
  for (const auto& [method, count] : counts)
    fmt::print(
        "{} changes the weights of {} layers too much (SQNR below {:.0f} dB): it requires "
        "training\n",
        method, count, kLeastDb);
}

/// The steps and measurements of a quantization, for quantize.json. A float slot has no entry; a
/// ratio that is not finite, as for a slot without noise, is null.
nlohmann::json quantize_json(const experiments::PostTrainingResult& result) {
  nlohmann::json json{{"images", result.quantized.images},
                      {"top1_float", result.floating.top1()},
                      {"top1_quantized", result.quantized.top1()},
                      {"layers", to_json(result.layers)}};
  const auto add = [&json](const char* key, const auto& step) {
    if (step) json[key] = to_json(*step);
  };
  add("equalization", result.calibration.equalization);
  add("bias_absorption", result.calibration.bias_absorption);
  add("depthwise_rescale", result.calibration.depthwise_rescale);
  add("reconstruction", result.calibration.reconstruction);
  add("bias_correction", result.calibration.bias_correction);
  return json;
}

std::string loss_text(double loss) {
  return std::isnan(loss) ? "nan" : fmt::format("{:.4g}", loss);  // which may print as -nan
}

/// One line per unit, with the loss of its output for the nearest codes and for the chosen ones.
void print_reconstruction(const ptq::ReconstructionReport& report) {
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"unit"},
                   {"loss nearest", kRight},
                   {"loss " + report.method, kRight},
                   {"share", kRight},
                   {""}});
  for (const ptq::UnitReport& unit : report.units)
    table.add(
        {unit.unit, loss_text(unit.nearest), loss_text(unit.chosen),
         unit.nearest > 0.0 ? fmt::format("{:.0f} %", 100.0 * unit.chosen / unit.nearest) : "-",
         unit.note});
  fmt::print("\n{}", table.plain());
}

/// One line per step before and after calibration; nothing if there were none.
void print_steps(const experiments::CalibrationReport& report) {
  if (const auto& done = report.equalization)
    fmt::print("equalized {} pairs of layers{}\n", done->pairs.size(), but_not(done->excluded));
  if (const auto& done = report.bias_absorption)
    fmt::print("high biases of {} channels of {} layers absorbed{}\n", done->channels,
               done->pairs.size(), but_not(done->excluded));
  if (const auto& done = report.depthwise_rescale)
    fmt::print("rescaled {} depthwise layers, {} of their channels locked by ReLU6{}\n",
               done->pairs.size(), done->locked, but_not(done->excluded));
  if (const auto& done = report.reconstruction) print_reconstruction(*done);
  if (const auto& done = report.bias_correction)
    fmt::print("biases of {} layers corrected{}\n", done->corrected.size(), but_not(done->skipped));
}

/// One line per layer: "exact" without noise, "-" for a float slot. Another line names each method
/// that cannot represent weights that were trained without it.
void print_layers(layers::Module& network, const experiments::PostTrainingResult& result) {
  const std::vector<ptq::LayerSqnr>& rows = result.layers;
  std::map<std::string, layers::QuantizableModule*> modules;
  for (layers::QuantizableModule* module : network.quantizable_modules())
    modules[module->name()] = module;
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"weight quantizer"},
                   {"SQNR dB", kRight},
                   {"input quantizer"},
                   {"SQNR dB", kRight},
                   {"output SQNR dB", kRight}});
  for (const ptq::LayerSqnr& row : rows) {
    layers::QuantizableModule& module = *modules.at(row.layer);
    table.add({row.layer, weight_text(module), decibels(row.weight), inputs_text(module),
               decibels(row.input), decibels(row.output)});
  }
  fmt::print("{}", table.plain());
  // Reconstruction may move weights far from their values while outputs stay close.
  if (!result.calibration.reconstruction) print_strangers(network, rows);
}

struct QuantizeOptions {
  std::string config;
  std::string data_dir;
  std::vector<std::string> overrides;
  std::string checkpoint;
  std::string run;
  std::string resume;
  bool json = false;
  bool skip_bad = false;
  std::vector<std::string> command_line;
};

/// An experiment's network with trained weights, and its calibration data.
struct Experiment {
  experiments::ExperimentConfig config;
  ptq::CalibrationOptions calibration;
  experiments::Data data;
  std::unique_ptr<layers::Module> network;
};

experiments::ExperimentConfig load_config(const QuantizeOptions& options) {
  const std::string& config = options.config;
  require(!std::filesystem::is_directory(config),
          "quantize: expected a config, got the folder {}; the config of a run serves, with the "
          "method to quantize it by: quench quantize {}/config.toml --checkpoint {} --set "
          "quant.method=symmetric",
          config, config, config);
  // The trained network's statistics fit it: neither this command nor quench eval re-estimates
  // them.
  std::vector<std::string> overrides{"train.bn_batches=0"};
  const auto add = [&overrides](const std::vector<std::string>& more) {
    overrides.insert(overrides.end(), more.begin(), more.end());
  };
  add(data_dir_override(options.data_dir));
  add(options.overrides);
  add_skip_bad(options.skip_bad, overrides);
  if (!options.checkpoint.empty()) add({checkpoint_override(options.checkpoint)});
  return experiments::load_experiment(options.config, overrides);
}

Experiment load(const QuantizeOptions& options) {
  Experiment e{.config = load_config(options)};
  require(!experiments::start_of(e.config).empty(),
          "quantize: expected a trained checkpoint to start from, got none: give --checkpoint RUN "
          "or FILE, or the key train.init_from or model.onnx");
  if (!e.config.train.init_from.empty())
    experiments::require_uncalibrated(e.config.train.init_from);
  apply_threads(e.config);
  e.calibration = experiments::calibration_of(e.config);
  e.data = experiments::load_data(e.config);
  e.network = experiments::load_trained(e.config, e.data.train->format());
  require(layers::is_quantized(*e.network),
          "quantize: expected a config that quantizes some layer, got method \"none\" for all "
          "layers: set "
          "[quant] or give --set quant.method=NAME (quench list quantizers)");
  if (e.calibration.reconstruct.wanted()) {
    const auto copy = experiments::load_trained(e.config, e.data.train->format());
    ptq::require_reconstructible(*copy, e.calibration.reconstruct);
  }
  return e;
}

nlohmann::json report(const experiments::RunFolder& folder, const Experiment& e,
                      const experiments::PostTrainingResult& result) {
  nlohmann::json json = quantize_json(result);
  json["run"] = folder.path().string();
  json["checkpoint"] = experiments::start_of(e.config);
  json["config"] = folder.config().string();
  json["versions"] = provenance(e.config.train.seed);
  json["held_out"] = e.data.validation != nullptr;
  return json;
}

void print(const experiments::RunFolder& folder, const Experiment& e,
           const experiments::PostTrainingResult& result) {
  fmt::print("run folder {}\n", folder.path().string());
  const std::int64_t images =
      std::min(e.calibration.batches * e.calibration.batch_size, e.data.train->size());
  fmt::print("{} calibrated on {} training images: weights {}, activations {}\n",
             experiments::start_of(e.config), images, e.calibration.weights.method,
             e.calibration.activations.method);
  print_steps(result.calibration);
  fmt::print("\n");
  print_layers(*e.network, result);
  fmt::print("\n  top1 float      {:.2f} %  ({} {} images)\n  top1 quantized  {:.2f} %\n",
             result.floating.top1(), result.quantized.images,
             e.data.validation ? "held-out" : "test", result.quantized.top1());
}

void quantize(const experiments::RunFolder& folder, Experiment& e, const QuantizeOptions& options) {
  print_notes(*e.network, e.config);
  const std::filesystem::path kept = folder.path() / "reconstruction.safetensors";
  const auto result = [&] {
    ProgressBar bar;
    experiments::FileJournal journal(kept, e.config.model.name);
    return experiments::quantize_after_training(e.config, e.calibration, e.data, *e.network,
                                                &journal);
  }();
  experiments::save_calibrated(folder.last(), *e.network, e.config.model.name,
                               experiments::start_of(e.config));
  const nlohmann::json json = report(folder, e, result);
  write_file_atomically(folder.path() / experiments::kQuantizeFile, json.dump(2) + "\n");
  if (options.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    print(folder, e, result);
  }
  std::filesystem::remove(kept);
}

void quantize_new(const QuantizeOptions& options) {
  require(!options.config.empty(), "quantize: expected a config file or --resume RUN");
  Experiment e = load(options);
  const experiments::RunFolder folder = new_run_folder(options.run, e.config.name);
  describe_run(folder, e.config, options.command_line);
  experiments::write_class_names(folder.classes(), e.data.train->class_names());
  quantize(folder, e, options);
}

void resume(QuantizeOptions options) {
  require(options.config.empty() && options.run.empty() && options.checkpoint.empty() &&
              options.overrides.empty(),
          "quantize --resume: a run resumes with its own config, so it accepts no config, "
          "--checkpoint, --set or --run");
  options.config = require_run(options.resume).string();
  require(
      !std::filesystem::exists(std::filesystem::path(options.resume) / experiments::kQuantizeFile),
      "quantize --resume: {} is already quantized: quench eval evaluates it", options.resume);
  const experiments::RunFolder folder = experiments::RunFolder::open(options.resume);
  Experiment e = load(options);
  quantize(folder, e, options);
}

}  // namespace

void add_quantize(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "quantize", "Quantize a trained network without training: calibrate, evaluate, save");
  const auto options = std::make_shared<QuantizeOptions>();
  options->command_line = std::move(command_line);
  command.add("CONFIG", options->config, "Experiment with [quant] and [calibration]");
  command.add("--checkpoint", options->checkpoint,
              "Trained weights: a run folder or a file (default: train.init_from)",
              {.type_name = "RUN|FILE"});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)",
              {.type_name = "DIR"});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--resume", options->resume,
              "Resume this run folder at the next unit to reconstruct, bit-exactly",
              {.type_name = "RUN"});
  command.add("--json", options->json, "Print JSON");
  command.run([options] { options->resume.empty() ? quantize_new(*options) : resume(*options); });
}

}  // namespace quench::cli
