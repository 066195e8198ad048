#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "core/safetensors.h"
#include "experiments/experiment.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/run_folder.h"
#include "layers/quantizable_module.h"
#include "support/error.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::command {
namespace {

struct EvalOptions {
  std::string run;
  std::string data_dir;
  std::string checkpoint = "last";
  bool json = false;
  bool skip_bad = false;
};

using Results = std::vector<std::pair<std::string, train::Accuracy>>;

/// @param json   what comes before the accuracies
/// @param title  likewise, of a text
void print(const EvalOptions& options, nlohmann::json json, const std::string& title, int classes,
           const Results& results) {
  const bool top5 = classes > 10;  // of ten, five are no distinction
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

train::Evaluation evaluate(Module& network, datasets::Loader& images, datasets::Loader& training,
                           std::int64_t bn_batches) {
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
  const train::ExperimentConfig config = load_run_config(options.run, overrides);
  apply_threads(config);
  const std::filesystem::path checkpoint = require_checkpoint(options.run, options.checkpoint);
  const train::Data data = train::load_data(config);
  train::require_classes(options.run, data.test->class_names());
  const auto network = train::build_network(config, data.train->format());
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);

  const auto loader = train::evaluation_loader(config, data.test);
  const auto training = train::training_loader(config, data.train);
  const auto [quantized, floating] =
      evaluate(*network, *loader, *training, config.train.bn_batches);
  Results results{{"float", floating}};
  if (is_quantized(*network)) results.insert(results.begin(), {"quantized", quantized});
  print(options,
        {{"run", options.run},
         {"config", require_run(options.run).string()},
         {"checkpoint", checkpoint.string()},
         {"images", quantized.images},
         {"versions", provenance(config.train.seed)}},
        fmt::format("{}: {} test images of {}", checkpoint.string(), quantized.images,
                    config.data.name),
        data.test->num_classes(), results);
}

void eval_model(const EvalOptions& options, const std::vector<std::string>& overrides) {
  const DeployedModel model = load_model(options.run, overrides);
  const train::Data data = train::load_data(model.config);
  if (data.test->class_names() != model.classes) {
    fail("{}: its classes are not those of the data set {}", options.run, model.config.data.name);
  }
  const auto loader = train::evaluation_loader(model.config, data.test);
  const train::Accuracy accuracy = evaluate(*model.engine, *loader);
  print(
      options,
      {{"model", options.run},
       {"config", model.config.resolved()},
       {"images", accuracy.images},
       {"versions", provenance(model.config.train.seed)}},
      fmt::format("{}: {} test images of {}", options.run, accuracy.images, model.config.data.name),
      data.test->num_classes(), {{"quantized", accuracy}});
}

void eval(const EvalOptions& options) {
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  add_skip_bad(options.skip_bad, overrides);
  if (is_model_file(options.run)) {
    eval_model(options, overrides);
  } else {
    eval_run(options, overrides);
  }
}

}  // namespace

void add_eval(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "eval",
      "Accuracy on the test set: of a run with quantized and with float weights, or of a "
      "deployed network");
  const auto options = std::make_shared<EvalOptions>();
  command.add("RUN|MODEL", options->run, "Run folder, or a file of quench deploy",
              {.required = true});
  command.add("--data-dir", options->data_dir, "Where the data set lies", {.type_name = "DIR"});
  command.add("--checkpoint", options->checkpoint, "Which one of a run",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--json", options->json, "Print JSON");
  command.run([options] { eval(*options); });
}

}  // namespace quench::command
