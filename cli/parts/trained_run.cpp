#include "cli/parts/trained_run.h"

#include <fmt/format.h>

#include <stdexcept>

#include "cli/parts/run_options.h"
#include "core/safetensors.h"
#include "deploy/freeze.h"
#include "deploy/network/model_file.h"
#include "experiments/experiment.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/deployed.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::cli {
namespace {

/// From the run folder; if that has none, from the data set.
std::vector<std::string> class_names(const std::filesystem::path& folder,
                                     const experiments::ExperimentConfig& config) {
  const std::filesystem::path file = folder / "classes.txt";
  if (std::filesystem::exists(file)) return experiments::read_class_names(file);
  return experiments::load_data(config).train->class_names();
}

}  // namespace

TrainedRun load_run(const std::string& folder, const std::string& checkpoint,
                    const std::vector<std::string>& overrides) {
  TrainedRun run;
  run.config = load_run_config(folder, overrides);
  apply_threads(run.config);
  run.classes = class_names(folder, run.config);
  run.checkpoint = require_checkpoint(folder, checkpoint);
  run.network =
      experiments::build_network(run.config, {.image = experiments::image_shape(run.config),
                                              .classes = static_cast<int>(run.classes.size())});
  const TensorFile file = read_safetensors(run.checkpoint);
  train::load_network(*run.network, run.config.model.name, file, run.checkpoint);
  run.at_limit = experiments::slots_at_limit_in(file, run.checkpoint);
  run.network->set_training(false);
  return run;
}

bool reestimate_stale_batch_norm(TrainedRun& run) {
  const std::int64_t batches = run.config.train.bn_batches;
  if (batches == 0 || !train::has_stale_batch_norm(*run.network)) return false;
  const auto training =
      experiments::training_loader(run.config, experiments::load_data(run.config).train);
  ProgressBar bar;
  bar.begin("re-estimation", training->images_in(batches));
  train::reestimate_stale_batch_norm(*run.network, *training, batches);
  return true;
}

deploy::IntegerNetwork freeze_run(TrainedRun& run, const char* command) {
  if (reestimate_stale_batch_norm(run))
    fmt::print("batch norm re-estimated on {} batches (train.bn_batches)\n",
               run.config.train.bn_batches);
  const datasets::ImageShape image = experiments::image_shape(run.config);
  try {
    deploy::IntegerNetwork network =
        deploy::freeze(*run.network, {1, image.channels, image.height, image.width});
    experiments::describe_network(network, run.config, run.classes);
    return network;
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("{}: {}", command, error.what()));
  }
}

DeployedModel load_model(const std::string& file, const std::vector<std::string>& overrides) {
  deploy::IntegerNetwork network = deploy::read_model(file);
  DeployedModel model;
  model.config = experiments::experiment_of(network, file, overrides);
  model.classes = experiments::class_names_of(network, file);
  apply_threads(model.config);
  model.engine = std::make_unique<deploy::Engine>(std::move(network));
  return model;
}

bool is_model_file(const std::string& word) { return std::filesystem::is_regular_file(word); }

bool is_config_file(const std::string& word) {
  return word.ends_with(".toml") && !std::filesystem::is_directory(word);
}

bool is_onnx_file(const std::string& word) {
  return word.ends_with(".onnx") && !std::filesystem::is_directory(word);
}

}  // namespace quench::cli
