#pragma once

#include <map>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"
#include "experiments/config/config.h"

namespace quench::experiments {

/// The metadata of a model file that using it on images requires: its experiment and its class
/// names.
std::map<std::string, std::string> description(const ExperimentConfig& config,
                                               const std::vector<std::string>& classes);

/// Writes this description into a network's metadata.
/// @throws std::invalid_argument  for another number of names than the network has outputs
void describe_network(deploy::IntegerNetwork& network, const ExperimentConfig& config,
                      const std::vector<std::string>& classes);

/// The experiment stored by describe_network(): data set, normalization, sizes.
/// @param name       the model file, for messages
/// @param overrides  as load_experiment() takes them
/// @throws std::runtime_error     if it is missing, or its images do not fit the network
/// @throws std::invalid_argument  if read_experiment() rejects it
ExperimentConfig experiment_of(const deploy::IntegerNetwork& network, const std::string& name,
                               const std::vector<std::string>& overrides = {});

/// The class names. @throws std::runtime_error  unless there is one per output
std::vector<std::string> class_names_of(const deploy::IntegerNetwork& network,
                                        const std::string& name);

}  // namespace quench::experiments
