#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "deploy/engine/engine.h"
#include "experiments/config/config.h"
#include "layers/module.h"
#include "train/slots_at_limit.h"

namespace quench::cli {

/// The network of a run folder, ready to classify images.
struct TrainedRun {
  experiments::ExperimentConfig config;
  std::vector<std::string> classes;  ///< names
  std::filesystem::path checkpoint;
  std::unique_ptr<layers::Module> network;  ///< in evaluation
  train::SlotsAtLimit at_limit;             ///< as its training left them
};

/// Also sets the config's number of threads.
/// @param checkpoint  "last" or "best"
/// @param overrides   as train::load_experiment() takes them
/// @throws std::runtime_error  if the folder or the checkpoint does not exist
TrainedRun load_run(const std::string& folder, const std::string& checkpoint,
                    const std::vector<std::string>& overrides);

/// Re-estimates batch norm on the run's training images if evaluation does, see
/// train::evaluate_quantized_and_float().
/// @return  whether it did
bool reestimate_stale_batch_norm(TrainedRun& run);

/// The run's network as integers, with the description that images need
/// (train::describe_network()). Batch norm is re-estimated if evaluation does; a line on stdout
/// reports it.
/// @param command  the beginning of messages
/// @throws std::invalid_argument  as deploy::freeze()
deploy::IntegerNetwork freeze_run(TrainedRun& run, const char* command);

/// The network of a model file from quench deploy, as an engine runs it.
struct DeployedModel {
  experiments::ExperimentConfig config;
  std::vector<std::string> classes;  ///< names
  std::unique_ptr<deploy::Engine> engine;
};

/// Likewise. @throws std::runtime_error  for a file that is not a model, or that lacks its
/// description
DeployedModel load_model(const std::string& file, const std::vector<std::string>& overrides);

/// Whether a word of the command line names a model file, not a run folder.
bool is_model_file(const std::string& word);
/// Whether the file extension is that of a config or an ONNX file and it is not a folder.
bool is_config_file(const std::string& word);
bool is_onnx_file(const std::string& word);

}  // namespace quench::cli
