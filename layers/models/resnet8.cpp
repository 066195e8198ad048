#include "layers/models/resnet8.h"

#include <string>

#include "layers/models/blocks.h"
#include "support/error.h"

namespace quench::layers::models {

std::unique_ptr<Module> resnet8(const ResNet8Options& options, Random& random) {
  require(options.width > 0.0, "resnet8: expected width > 0, got {}", options.width);
  constexpr NormOptions kNorm{.eps = 1e-3f, .momentum = 0.1f};

  auto network = std::make_unique<Sequential>();
  std::int64_t channels = scaled_channels(16, options.width);
  network->append("conv1", make_conv({.in_channels = options.in_channels,
                                      .out_channels = channels,
                                      .padding = symmetric_padding(3)},
                                     random));
  network->append("bn1", make_norm(channels, kNorm, Activation::relu));
  for (int stack = 1; stack <= 3; ++stack) {
    const BasicBlockOptions block{.in_channels = channels,
                                  .out_channels = scaled_channels(8 << stack, options.width),
                                  .stride = stack == 1 ? 1 : 2,
                                  .shortcut = Shortcut::conv,
                                  .norm = kNorm};
    network->append("stack" + std::to_string(stack), basic_block(block, random));
    channels = block.out_channels;
  }
  append_classifier(*network, "fc", channels, options.classes, random);
  return network;
}

std::unique_ptr<Module> make_resnet8(Settings& settings, const ModelInput& input, Random& random) {
  return resnet8(
      {.width = read_width(settings), .in_channels = input.channels, .classes = input.classes},
      random);
}

}  // namespace quench::layers::models
