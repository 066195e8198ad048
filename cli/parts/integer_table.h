#pragma once

#include <filesystem>
#include <string>

#include "deploy/network/integer_network.h"
#include "experiments/config/config.h"

namespace quench::command {

/// Writes how to compute a network without floats, as JSON; deploy/README.md, "Without floats", says
/// what is in it. Prints a line on how the channels of its layers are computed.
/// @param model   the model file that holds its weights
/// @param config  says how bytes of images become numbers
/// @throws std::invalid_argument  as deploy::requantizers() does
void write_integer_table(const std::filesystem::path& file, const std::string& model,
                         const deploy::IntegerNetwork& network,
                         const train::ExperimentConfig& config);

}  // namespace quench::command
