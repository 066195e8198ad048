#include "layers/models/mobilenet_v2.h"

#include <array>

#include "layers/models/mobile_builder.h"

namespace quench::layers::models {
namespace {

constexpr std::array kMobileNetV2Blocks{
    // expansion, kernel, channels, repeats, stride
    InvertedResidualRow{1, 3, 16, 1, 1},  InvertedResidualRow{6, 3, 24, 2, 2},
    InvertedResidualRow{6, 3, 32, 3, 2},  InvertedResidualRow{6, 3, 64, 4, 2},
    InvertedResidualRow{6, 3, 96, 3, 1},  InvertedResidualRow{6, 3, 160, 3, 2},
    InvertedResidualRow{6, 3, 320, 1, 1},
};

}  // namespace

std::unique_ptr<Module> mobilenet_v2(const MobileOptions& options, Random& random) {
  return inverted_residual_network(kMobileNetV2Blocks, options, options.activation, random);
}

std::unique_ptr<Module> make_mobilenet_v2(Settings& settings, const ModelInput& input,
                                          Random& random) {
  return mobilenet_v2(read_mobile_options(settings, input, {.dropout = 0.2f}), random);
}

}  // namespace quench::layers::models
