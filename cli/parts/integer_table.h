#pragma once

#include <filesystem>
#include <string>

#include "deploy/network/integer_network.h"
#include "experiments/config/config.h"

namespace quench::cli {

/// Writes as JSON how to compute a network without floats; deploy/README.md, "Without floats",
/// defines the format. Prints one line on how the channels of its layers are computed.
/// @param model   the model file with its weights
/// @param config  defines how image bytes are normalized
/// @throws std::invalid_argument  as deploy::requantizers() does
void write_integer_table(const std::filesystem::path& file, const std::string& model,
                         const deploy::IntegerNetwork& network,
                         const experiments::ExperimentConfig& config);

}  // namespace quench::cli
