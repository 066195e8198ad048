#include "layers/models/registry.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <stdexcept>

#include "layers/models/binarynet.h"
#include "layers/models/cifar_resnet.h"
#include "layers/models/cnv.h"
#include "layers/models/mnasnet.h"
#include "layers/models/mobilenet_names.h"
#include "layers/models/mobilenet_v1.h"
#include "layers/models/mobilenet_v2.h"
#include "layers/models/resnet.h"
#include "layers/models/resnet8.h"
#include "support/suggest.h"

namespace quench::layers::models {
namespace {

template <int depth>
std::unique_ptr<Module> make_cifar_resnet(Settings& settings, const ModelInput& input,
                                          Random& random) {
  return make_cifar_resnet(depth, settings, input, random);
}

struct Entry {
  const char* name;
  const char* summary;
  std::unique_ptr<Module> (*make)(Settings&, const ModelInput&, Random&);
  /// Other projects that publish trained weights.
  std::span<const SourceNames> sources = {};
};

constexpr std::array kModels{
    Entry{"binarynet",
          "6 convolutions and 3 linear layers for CIFAR-10, any width (Hubara et al. 2016)",
          make_binarynet},
    Entry{"cnv", "6 convolutions without padding and 3 linear layers (Umuroglu et al. 2017)",
          make_cnv},
    Entry{"resnet8", "3 residual blocks for CIFAR-10, 77,850 parameters (MLPerf Tiny)",
          make_resnet8},
    Entry{"resnet20", "ResNet-20 for CIFAR-10, 269,722 parameters (He et al. 2015)",
          make_cifar_resnet<20>, kCifarResNetSources},
    Entry{"resnet32", "ResNet-32 for CIFAR-10", make_cifar_resnet<32>, kCifarResNetSources},
    Entry{"resnet44", "ResNet-44 for CIFAR-10", make_cifar_resnet<44>, kCifarResNetSources},
    Entry{"resnet56", "ResNet-56 for CIFAR-10", make_cifar_resnet<56>, kCifarResNetSources},
    Entry{"resnet18", "ResNet-18 (He et al. 2015)", make_resnet18, kResNetSources},
    Entry{"resnet50", "ResNet-50, stride as in v1.5, v1 or tf-slim (He et al. 2015)", make_resnet50,
          kResNetSources},
    Entry{"resnet50_v2", "ResNet-50 with batch norm before convolutions (He et al. 2016)",
          make_resnet50_v2},
    Entry{"mobilenet_v1", "depthwise-separable convolutions, any width (Howard et al. 2017)",
          make_mobilenet_v1, kMobileNetV1Sources},
    Entry{"mobilenet_v2", "inverted residual blocks, any width (Sandler et al. 2018)",
          make_mobilenet_v2, kMobileNetV2Sources},
    Entry{"mnasnet", "MNasNet-B1, any width (Tan et al. 2019)", make_mnasnet, kMNasNetSources},
};

const Entry& entry_of(const std::string& name) {
  std::vector<std::string> names;
  for (const Entry& entry : kModels) {
    if (name == entry.name) return entry;
    names.emplace_back(entry.name);
  }
  throw std::invalid_argument(fmt::format("model.name: expected a known name, got \"{}\"{}", name,
                                          suggestion(name, names)));
}

}  // namespace

std::vector<ModelInfo> registered_models() {
  std::vector<ModelInfo> result;
  for (const Entry& entry : kModels) result.push_back({entry.name, entry.summary});
  return result;
}

std::unique_ptr<Module> make_model(const std::string& name, Settings& settings,
                                   const ModelInput& input, Random& random) {
  return entry_of(name).make(settings, input, random);
}

std::vector<SourceNames> model_sources(const std::string& name) {
  const std::span<const SourceNames> others = entry_of(name).sources;
  std::vector<SourceNames> result(others.begin(), others.end());
  result.push_back(kOwnNames);
  return result;
}

}  // namespace quench::layers::models
