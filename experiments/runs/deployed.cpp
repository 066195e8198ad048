#include "experiments/runs/deployed.h"

#include <filesystem>

#include "experiments/config/config_file.h"
#include "experiments/experiment.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/versions.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

constexpr const char *kModel = "model", *kConfig = "config", *kClasses = "classes",
                     *kCommit = "commit", *kVersions = "versions";

const std::string& metadata_of(const deploy::IntegerNetwork& network, const char* key,
                               const std::string& name) {
  const auto found = network.metadata.find(key);
  if (found == network.metadata.end())
    fail("{}: the model has no {} entry; expected one from quench deploy", name, key);
  return found->second;
}

std::size_t count_outputs(const deploy::IntegerNetwork& network) {
  return static_cast<std::size_t>(network.values[network.output].channels);
}

}  // namespace

std::map<std::string, std::string> description(const ExperimentConfig& config,
                                               const std::vector<std::string>& classes) {
  const Versions versions = current_versions(config.train.seed, {});
  return {{kModel, config.model.name},
          {kConfig, config.resolved()},
          {kClasses, class_names_text(classes)},
          {kCommit, versions.commit},
          {kVersions, versions_text(versions)}};
}

void describe_network(deploy::IntegerNetwork& network, const ExperimentConfig& config,
                      const std::vector<std::string>& classes) {
  require(classes.size() == count_outputs(network), "expected {} class names, got {}",
          count_outputs(network), classes.size());
  for (const auto& [key, text] : description(config, classes)) network.metadata[key] = text;
}

ExperimentConfig experiment_of(const deploy::IntegerNetwork& network, const std::string& name,
                               const std::vector<std::string>& overrides) {
  const std::string& text = metadata_of(network, kConfig, name);
  ExperimentConfig config = read_experiment(parse_settings(text, name, overrides),
                                            std::filesystem::path(name).stem().string());
  const datasets::ImageShape shape = image_shape(config);
  if (shape.channels != network.channels || shape.height != network.height ||
      shape.width != network.width) {
    fail("{}: the network expects images of {}x{}x{}, but its config produces {}x{}x{}", name,
         network.channels, network.height, network.width, shape.channels, shape.height,
         shape.width);
  }
  return config;
}

std::vector<std::string> class_names_of(const deploy::IntegerNetwork& network,
                                        const std::string& name) {
  std::vector<std::string> classes =
      class_names_from_text(metadata_of(network, kClasses, name), name);
  if (classes.size() != count_outputs(network)) {
    fail("{}: expected {} class names, got {}", name, count_outputs(network), classes.size());
  }
  return classes;
}

}  // namespace quench::experiments
