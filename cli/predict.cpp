#include "experiments/predict.h"

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

struct PredictOptions {
  std::string run;
  std::vector<std::string> images;
  std::string data_dir;
  std::string checkpoint = "last";
  int top = 5;
  bool json = false;
  bool skip_bad = false;
};

/// Classifies images with the network of a run or a model file.
struct Classifier {
  experiments::ExperimentConfig config;
  std::vector<std::string> classes;
  std::function<Tensor(const Tensor&)> logits;
};

Classifier classifier_of_model(const PredictOptions& options) {
  DeployedModel model = load_model(options.run, data_dir_override(options.data_dir));
  const std::shared_ptr<deploy::Engine> engine = std::move(model.engine);
  return {std::move(model.config), std::move(model.classes),
          [engine](const Tensor& image) { return (*engine)(image); }};
}

Classifier classifier_of_run(const PredictOptions& options) {
  TrainedRun run = load_run(options.run, options.checkpoint, data_dir_override(options.data_dir));
  const std::shared_ptr<layers::Module> network = std::move(run.network);
  const auto mode = layers::is_quantized(*network) ? quant::Mode::evaluation : quant::Mode::bypass;
  return {std::move(run.config), std::move(run.classes), [network, mode](const Tensor& image) {
            const NoGradGuard no_grad;
            const layers::ModeGuard modes(*network, false, mode);
            return (*network)(Variable(image)).value();
          }};
}

using Predictions = std::vector<experiments::Prediction>;

void print(const std::string& file, const Predictions& predictions,
           const std::vector<std::string>& names) {
  say(file);
  for (const auto& [label, probability] : predictions)
    say(fmt::format("  {:6.2f} %  {}", 100.0 * probability,
                    names[static_cast<std::size_t>(label)]));
}

nlohmann::json to_json(const std::string& file, const Predictions& predictions,
                       const std::vector<std::string>& names) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [label, probability] : predictions) {
    list.push_back({{"class", names[static_cast<std::size_t>(label)]},
                    {"label", label},
                    {"probability", probability}});
  }
  return {{"file", file}, {"predictions", list}};
}

void predict(const PredictOptions& options) {
  const auto [config, names, logits] =
      is_model_file(options.run) ? classifier_of_model(options) : classifier_of_run(options);
  nlohmann::json results = nlohmann::json::array();
  std::size_t skipped = 0;
  ProgressBar bar;
  bar.begin("predict", std::ssize(options.images));
  for (const std::string& file : options.images) {
    Tensor image;
    try {
      image = experiments::load_image(config, file);
    } catch (const std::runtime_error& error) {
      if (!options.skip_bad) throw;
      remark(fmt::format("left out: {}", error.what()));
      ++skipped;
      bar.advance();
      continue;
    }
    const Predictions predictions = experiments::most_probable(logits(image), options.top);
    if (options.json) {
      results.push_back(to_json(file, predictions, names));
    } else {
      print(file, predictions, names);
    }
    bar.advance();
  }
  if (options.json) say(results.dump(2));
  if (skipped == options.images.size())
    fail("none of the {} files can be decoded", options.images.size());
  if (skipped > 0)
    remark(fmt::format("left out {} of {}", skipped, counted(std::ssize(options.images), "file")));
}

}  // namespace

void add_predict(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "predict",
      "Print the most probable classes of images, from a run's network or a deployed one");
  const auto options = std::make_shared<PredictOptions>();
  command.add("RUN|MODEL", options->run, "Run folder or deployed model", {.required = true});
  command.add("IMAGE", options->images, "JPEG, PNG or BMP files", {.required = true});
  command.add("--top", options->top, "Number of classes to print",
              {.show_default = true, .min = 1, .max = 100000});
  command.add("--checkpoint", options->checkpoint, "Checkpoint of a run",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--data-dir", options->data_dir, "Data set folder, for a run without classes.txt",
              {.type_name = "DIR"});
  command.add("--skip-bad", options->skip_bad, "Skip files that cannot be decoded");
  command.add("--json", options->json, "Print JSON");
  command.run([options] { predict(*options); });
}

}  // namespace quench::cli
