#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "core/safetensors.h"
#include "experiments/config/config_file.h"
#include "experiments/experiment.h"
#include "experiments/post_training.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/run_folder.h"
#include "layers/quantizable_module.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::cli {
namespace {

struct EvalOptions {
  std::string network;
  std::string data_dir;
  std::string checkpoint;
  std::vector<std::string> overrides;
  bool json = false;
  bool skip_bad = false;
};

using Results = std::vector<std::pair<std::string, train::Accuracy>>;

/// @param json   fields to print before the accuracies
/// @param title  likewise, as text
void print(const EvalOptions& options, nlohmann::json json, const std::string& title, int classes,
           const Results& results) {
  const bool top5 = classes > 10;  // with ten classes, top5 says little
  if (!options.json) fmt::print("{}\n", title);
  for (const auto& [which, accuracy] : results) {
    if (options.json) {
      json["top1_" + which] = accuracy.top1();
      if (top5) json["top5_" + which] = accuracy.top5();
      continue;
    }
    fmt::print("  top1 {:<10} {:.2f} %", which, accuracy.top1());
    if (top5) fmt::print("  top5 {:.2f} %", accuracy.top5());
    fmt::print("\n");
  }
  if (options.json) fmt::print("{}\n", json.dump(2));
}

train::Evaluation evaluate(layers::Module& network, datasets::Loader& images,
                           datasets::Loader& training, std::int64_t bn_batches) {
  ProgressBar bar;
  bar.begin("eval", train::images_to_evaluate(network, images, training, bn_batches));
  return train::evaluate_quantized_and_float(network, images, training, bn_batches,
                                             train::StaleStatistics::replace);
}

train::Accuracy evaluate(deploy::Engine& engine, datasets::Loader& images) {
  ProgressBar bar;
  bar.begin("eval", images.images_in(images.batches_per_epoch()));
  return train::evaluate([&engine](const Tensor& batch) { return engine(batch); }, images);
}

void eval_run(const EvalOptions& options, const std::vector<std::string>& overrides) {
  const experiments::ExperimentConfig config = load_run_config(options.network, overrides);
  apply_threads(config);
  const std::filesystem::path checkpoint =
      require_checkpoint(options.network, options.checkpoint.empty() ? "last" : options.checkpoint);
  const experiments::Data data = experiments::load_data(config);
  experiments::require_classes(options.network, data.test->class_names());
  const auto network = experiments::build_network(config, data.train->format());
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);

  const auto loader = experiments::evaluation_loader(config, data.test);
  const auto training = experiments::training_loader(config, data.train);
  const auto [quantized, floating] =
      evaluate(*network, *loader, *training, config.train.bn_batches);
  Results results{{"float", floating}};
  if (layers::is_quantized(*network)) results.insert(results.begin(), {"quantized", quantized});
  print(options,
        {{"run", options.network},
         {"config", require_run(options.network).string()},
         {"checkpoint", checkpoint.string()},
         {"images", quantized.images},
         {"versions", provenance(config.train.seed)}},
        fmt::format("{}: {} test images of {}", checkpoint.string(), quantized.images,
                    config.data.name),
        data.test->num_classes(), results);
}

void eval_model(const EvalOptions& options, const std::vector<std::string>& overrides) {
  const DeployedModel model = load_model(options.network, overrides);
  const experiments::Data data = experiments::load_data(model.config);
  if (data.test->class_names() != model.classes) {
    fail("{}: its classes differ from those of the data set {}", options.network,
         model.config.data.name);
  }
  const auto loader = experiments::evaluation_loader(model.config, data.test);
  const train::Accuracy accuracy = evaluate(*model.engine, *loader);
  print(options,
        {{"model", options.network},
         {"config", model.config.resolved()},
         {"images", accuracy.images},
         {"versions", provenance(model.config.train.seed)}},
        fmt::format("{}: {} test images of {}", options.network, accuracy.images,
                    model.config.data.name),
        data.test->num_classes(), {{"quantized", accuracy}});
}

/// The experiment of a config or an ONNX file, without [quant] and [calibration], which other
/// commands apply.
experiments::ExperimentConfig load_unchanged(const EvalOptions& options,
                                             std::vector<std::string> overrides) {
  const std::string& file = options.network;
  if (!options.checkpoint.empty())
    overrides.push_back(fmt::format("train.init_from=\"{}\"", options.checkpoint));
  Settings settings;
  if (is_onnx_file(file)) {
    overrides.insert(overrides.begin(), fmt::format("model.onnx=\"{}\"", file));
    settings = experiments::settings_of(overrides);
    require(settings.has("data") && settings.table("data").has("name"),
            "eval {}: expected a data set, got none: give --set data.name=NAME "
            "(quench list datasets), or a config: quench eval CONFIG --set model.onnx={}",
            file, file);
  } else {
    settings = experiments::load_settings(file, overrides);
  }
  if (settings.find("quant") != nullptr)
    remark("note: eval ignores [quant]; quench quantize and quench train apply it");
  settings.erase("quant");
  settings.erase("calibration");
  return experiments::read_experiment(settings, file);
}

/// Evaluates a network that has no run; its quantizers are those of its graph, if any.
void eval_network(const EvalOptions& options, const std::vector<std::string>& overrides) {
  const experiments::ExperimentConfig config = load_unchanged(options, overrides);
  const std::string weights = experiments::start_of(config);
  require(
      !weights.empty(),
      "eval {}: expected a network with trained weights, got random weights, at least in its last "
      "layer: give model.onnx = \"FILE\", or --checkpoint RUN or FILE",
      options.network);
  apply_threads(config);
  const experiments::Data data = experiments::load_data(config);
  const auto network = experiments::load_trained(config, data.train->format());
  const auto loader = experiments::evaluation_loader(config, data.test);
  std::vector<std::pair<std::string, quant::Mode>> passes{{"float", quant::Mode::bypass}};
  if (layers::is_quantized(*network))
    passes.insert(passes.begin(), {"quantized", quant::Mode::evaluation});

  ProgressBar bar;
  bar.begin("eval", std::ssize(passes) * loader->images_in(loader->batches_per_epoch()));
  Results results;
  for (const auto& [which, mode] : passes)
    results.emplace_back(which, train::evaluate(*network, *loader, mode));
  const std::int64_t images = results[0].second.images;
  print(options,
        {{"network", weights},
         {"config", config.resolved()},
         {"images", images},
         {"versions", provenance(config.train.seed)}},
        fmt::format("{}: {} test images of {}", weights, images, config.data.name),
        data.test->num_classes(), results);
}

void eval(const EvalOptions& options) {
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  add_skip_bad(options.skip_bad, overrides);
  if (is_config_file(options.network) || is_onnx_file(options.network)) {
    overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
    return eval_network(options, overrides);
  }
  require(options.overrides.empty(),
          "eval {}: --set requires a config or an ONNX file, got --set {}", options.network,
          fmt::join(options.overrides, " --set "));
  if (is_model_file(options.network)) {
    eval_model(options, overrides);
  } else {
    eval_run(options, overrides);
  }
}

}  // namespace

void add_eval(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "eval",
      "Print the test accuracy of a run (quantized and float), of a deployed network, or of a "
      "network without a run");
  const auto options = std::make_shared<EvalOptions>();
  command.add("RUN|MODEL|CONFIG", options->network,
              "Run folder, deployed model, experiment, or ONNX file", {.required = true});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add("--checkpoint", options->checkpoint,
              "Checkpoint of a run (default: last); for a config, the run or file with its weights",
              {.type_name = "last|best|epoch-N|RUN|FILE"});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--json", options->json, "Print JSON");
  command.run([options] { eval(*options); });
}

}  // namespace quench::cli
