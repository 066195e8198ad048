#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/models/source_names.h"
#include "layers/module.h"
#include "support/settings.h"

namespace quench::layers::models {

struct ModelInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All models, in the order of their table.
std::vector<ModelInfo> registered_models();

/// Builds a float network with empty quantizer slots from the [model] table. Each builder reads its
/// own keys.
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones) or an
///                                image size that the network does not accept
std::unique_ptr<Module> make_model(const std::string& name, Settings& settings,
                                   const ModelInput& input, Random& random);

/// The naming schemes of weights that `quench import` knows for the model: those of other projects,
/// then the network's own. @throws std::invalid_argument  as make_model()
std::vector<SourceNames> model_sources(const std::string& name);

}  // namespace quench::layers::models
