#pragma once

#include <map>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"
#include "experiments/config/config.h"

namespace quench::train {

/// What the use of a network on images needs, as metadata of its file: the experiment it comes from,
/// the names of its classes.
std::map<std::string, std::string> description(const ExperimentConfig& config,
                                               const std::vector<std::string>& classes);

/// Writes it into a network's.
/// @throws std::invalid_argument  for another number of names than the network has outputs
void describe_network(deploy::IntegerNetwork& network, const ExperimentConfig& config,
                      const std::vector<std::string>& classes);

/// The experiment that describe_network() wrote down: data set, normalization, sizes.
/// @param name       of the model file, for messages
/// @param overrides  as load_experiment() takes them
/// @throws std::runtime_error     if there is none, or its images are not those the network takes
/// @throws std::invalid_argument  for one that read_experiment() refuses
ExperimentConfig experiment_of(const deploy::IntegerNetwork& network, const std::string& name,
                               const std::vector<std::string>& overrides = {});

/// The names of the classes. @throws std::runtime_error  if there is not one for each output
std::vector<std::string> class_names_of(const deploy::IntegerNetwork& network,
                                        const std::string& name);

}  // namespace quench::train
