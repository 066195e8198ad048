#include "layers/models/registry.h"

#include <array>

#include "core/error.h"
#include "core/suggest.h"
#include "layers/models/binarynet.h"
#include "layers/models/resnet8.h"

namespace quench::models {
namespace {

std::unique_ptr<Module> make_binarynet(Settings& settings, const ModelInput& input,
                                       Random& random) {
  require(input.height == input.width, "binarynet: expected square images, got {} x {}",
          input.height, input.width);
  return binarynet({.width = settings.number("width", 1.0, above(0.0, 16.0)),
                    .in_channels = input.channels,
                    .image_size = input.height,
                    .classes = input.classes,
                    .activation = parse_activation(
                        settings.choice("activation", "hardtanh", {"hardtanh", "relu"})),
                    .first_pad = settings.choice("first_pad", "same", {"same", "valid"}) == "same"},
                   random);
}

std::unique_ptr<Module> make_resnet8(Settings& settings, const ModelInput& input, Random& random) {
  return resnet8({.width = settings.number("width", 1.0, above(0.0, 16.0)),
                  .in_channels = input.channels,
                  .classes = input.classes},
                 random);
}

struct Entry {
  const char* name;
  const char* summary;
  std::unique_ptr<Module> (*make)(Settings&, const ModelInput&, Random&);
};

constexpr std::array kModels{
    Entry{"binarynet",
          "6 convolutions and 3 linear layers for CIFAR-10, any width (Hubara et al. 2016)",
          make_binarynet},
    Entry{"resnet8", "3 residual blocks for CIFAR-10, 77,850 parameters (MLPerf Tiny)",
          make_resnet8},
};

}  // namespace

std::vector<ModelInfo> registered_models() {
  std::vector<ModelInfo> result;
  for (const Entry& entry : kModels) result.push_back({entry.name, entry.summary});
  return result;
}

std::unique_ptr<Module> make_model(const std::string& name, Settings& settings,
                                   const ModelInput& input, Random& random) {
  std::vector<std::string> names;
  for (const Entry& entry : kModels) {
    if (name == entry.name) return entry.make(settings, input, random);
    names.emplace_back(entry.name);
  }
  require(false, "model.name: expected a known name, got \"{}\"{}", name, suggestion(name, names));
  return nullptr;
}

}  // namespace quench::models
