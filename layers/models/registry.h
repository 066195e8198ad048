#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/settings.h"
#include "layers/module.h"

namespace quench::models {

/// What a network has to fit: images of the data set and its classes.
struct ModelInput {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
  std::int64_t classes = 10;
};

struct ModelInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All models, in the order of their table.
std::vector<ModelInfo> registered_models();

/// Builds a float network, with empty quantizer slots, from the [model] table, of which each
/// builder reads its own keys.
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones) or a size
///                                that the network does not take
std::unique_ptr<Module> make_model(const std::string& name, Settings& settings,
                                   const ModelInput& input, Random& random);

}  // namespace quench::models
