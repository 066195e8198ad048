#include "layers/models/mnasnet.h"

#include <array>

#include "layers/models/mobile_builder.h"

namespace quench::layers::models {
namespace {

constexpr std::array kMnasNetBlocks{
    // expansion, kernel, channels, repeats, stride
    InvertedResidualRow{1, 3, 16, 1, 1},  InvertedResidualRow{3, 3, 24, 3, 2},
    InvertedResidualRow{3, 5, 40, 3, 2},  InvertedResidualRow{6, 5, 80, 3, 2},
    InvertedResidualRow{6, 3, 96, 2, 1},  InvertedResidualRow{6, 5, 192, 4, 2},
    InvertedResidualRow{6, 3, 320, 1, 1},
};

}  // namespace

std::unique_ptr<Module> mnasnet(const MobileOptions& options, bool stem_relu, Random& random) {
  return inverted_residual_network(kMnasNetBlocks, options,
                                   stem_relu ? options.activation : Activation::none, random);
}

std::unique_ptr<Module> make_mnasnet(Settings& settings, const ModelInput& input, Random& random) {
  const bool stem_relu = settings.boolean({"stem_relu", "ReLU after the first convolution"}, true);
  return mnasnet(
      read_mobile_options(settings, input, {.activation = Activation::relu, .dropout = 0.2f}),
      stem_relu, random);
}

}  // namespace quench::layers::models
