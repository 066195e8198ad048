#include "layers/models/cifar_resnet.h"

#include <string>

#include "layers/models/blocks.h"
#include "support/error.h"

namespace quench::layers::models {
namespace {

struct Stage {
  std::int64_t channels;
  int stride;  // of its first block
};

constexpr std::array kStages{
    Stage{.channels = 16, .stride = 1},
    Stage{.channels = 32, .stride = 2},
    Stage{.channels = 64, .stride = 2},
};
constexpr int kLayersPerBlock = 2;

}  // namespace

std::unique_ptr<Module> cifar_resnet(const CifarResNetOptions& options, Random& random) {
  constexpr int kPerRound = kLayersPerBlock * static_cast<int>(kStages.size());
  require(options.depth >= kPerRound + 2 && options.depth % kPerRound == 2,
          "resnet for CIFAR-10: expected a depth of 6 n + 2, got {}", options.depth);
  require(options.width > 0.0, "resnet{}: expected width > 0, got {}", options.depth,
          options.width);

  auto network = std::make_unique<Sequential>();
  std::int64_t channels = scaled_channels(kStages[0].channels, options.width);
  network->append("conv1", make_conv({.in_channels = options.in_channels,
                                      .out_channels = channels,
                                      .padding = symmetric_padding(3)},
                                     random));
  network->append("bn1", make_norm(channels, options.norm, Activation::relu));
  int number = 0;
  for (const Stage& stage : kStages) {
    const auto blocks =
        network->append("layer" + std::to_string(++number), std::make_shared<Sequential>());
    for (int i = 0; i < (options.depth - 2) / kPerRound; ++i) {
      const BasicBlockOptions block{.in_channels = channels,
                                    .out_channels = scaled_channels(stage.channels, options.width),
                                    .stride = i == 0 ? stage.stride : 1,
                                    .shortcut = Shortcut::pad,
                                    .norm = options.norm};
      blocks->append(std::to_string(i), basic_block(block, random));
      channels = block.out_channels;
    }
  }
  append_classifier(*network, "linear", channels, options.classes, random);
  return network;
}

std::unique_ptr<Module> make_cifar_resnet(int depth, Settings& settings, const ModelInput& input,
                                          Random& random) {
  return cifar_resnet({.depth = depth,
                       .width = read_width(settings),
                       .in_channels = input.channels,
                       .classes = input.classes,
                       .norm = read_norm_options(settings, {})},
                      random);
}

}  // namespace quench::layers::models
