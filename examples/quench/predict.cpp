#include "train/predict.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "examples/quench/command.h"
#include "examples/quench/run_options.h"
#include "layers/mode_guard.h"
#include "layers/quantized_layer.h"
#include "train/checkpoint.h"
#include "train/class_names.h"
#include "train/experiment.h"

namespace quench::command {
namespace {

struct Options {
  std::string run;
  std::vector<std::string> images;
  std::string data_dir;
  std::string checkpoint = "last";
  int top = 5;
  bool json = false;
  bool skip_bad = false;
};

/// From the run folder; of a run that keeps none, from its data set.
std::vector<std::string> class_names(const Options& options,
                                     const train::ExperimentConfig& config) {
  const std::filesystem::path file = std::filesystem::path(options.run) / "classes.txt";
  if (std::filesystem::exists(file)) return train::read_class_names(file);
  return train::load_data(config).train->class_names();
}

using Predictions = std::vector<train::Prediction>;

void print(const std::string& file, const Predictions& predictions,
           const std::vector<std::string>& names) {
  fmt::print("{}\n", file);
  for (const auto& [label, probability] : predictions) {
    fmt::print("  {:6.2f} %  {}\n", 100.0 * probability, names[static_cast<std::size_t>(label)]);
  }
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

void predict(const Options& options) {
  const train::ExperimentConfig config =
      train::load_experiment(require_run(options.run), data_dir_override(options.data_dir));
  apply_threads(config);
  const std::vector<std::string> names = class_names(options, config);
  const std::filesystem::path checkpoint = require_checkpoint(options.run, options.checkpoint);
  const auto network = train::build_network(
      config, {.image = train::image_shape(config), .classes = static_cast<int>(names.size())});
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);

  const NoGradGuard no_grad;
  const ModeGuard modes(*network, false,
                        is_quantized(*network) ? quant::Mode::evaluation : quant::Mode::bypass);
  nlohmann::json results = nlohmann::json::array();
  std::size_t skipped = 0;
  for (const std::string& file : options.images) {
    Tensor image;
    try {
      image = train::load_image(config, file);
    } catch (const std::runtime_error& error) {
      if (!options.skip_bad) throw;
      fmt::print(stderr, "left out: {}\n", error.what());
      ++skipped;
      continue;
    }
    const Variable logits = (*network)(Variable(image));
    const Predictions predictions = train::most_probable(logits.value(), options.top);
    if (options.json) {
      results.push_back(to_json(file, predictions, names));
    } else {
      print(file, predictions, names);
    }
  }
  if (options.json) fmt::print("{}\n", results.dump(2));
  if (skipped > 0) fmt::print(stderr, "left out {} of {} files\n", skipped, options.images.size());
}

}  // namespace

void add_predict(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "predict", "What a run's network sees in image files: the most probable classes");
  const auto options = std::make_shared<Options>();
  command.add("run", options->run, "Run folder", {.required = true});
  command.add("images", options->images, "JPEG, PNG or BMP files", {.required = true});
  command.add("--top", options->top, "How many classes to print",
              {.show_default = true, .min = 1, .max = 100000});
  command.add("--checkpoint", options->checkpoint, "Which one",
              {.show_default = true, .choices = {"last", "best"}});
  command.add("--data-dir", options->data_dir,
              "Where the data set lies, for a run without classes.txt");
  command.add("--skip-bad", options->skip_bad, "Pass over files that cannot be decoded");
  command.add("--json", options->json, "Print JSON");
  command.run([options] { predict(*options); });
}

}  // namespace quench::command
