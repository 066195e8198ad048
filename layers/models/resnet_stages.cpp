#include "layers/models/resnet_stages.h"

#include <string>

#include "layers/models/padding.h"
#include "layers/pool.h"

namespace quench::models {
namespace {

int stride_of(StrideStyle style, std::size_t stage, int block, int blocks) {
  const bool strided = style == StrideStyle::slim
                           ? stage + 1 < std::tuple_size_v<ResNetStages> && block == blocks - 1
                           : stage > 0 && block == 0;
  return strided ? 2 : 1;
}

}  // namespace

std::int64_t append_stages(Sequential& network, const ResNetStages& stages, std::int64_t expansion,
                           StrideStyle style, const MakeBlock& make) {
  std::int64_t channels = kResNetStem;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto stage =
        network.append("layer" + std::to_string(s + 1), std::make_shared<Sequential>());
    for (int b = 0; b < stages[s].blocks; ++b) {
      stage->append(std::to_string(b), make({.in_channels = channels,
                                             .channels = stages[s].channels,
                                             .stride = stride_of(style, s, b, stages[s].blocks)}));
      channels = stages[s].channels * expansion;
    }
  }
  return channels;
}

std::shared_ptr<Conv2d> make_stem(const ResNetOptions& options, bool bias, Random& random) {
  const int kernel_size = options.small_images ? 3 : 7;
  return make_conv({.in_channels = options.input.channels,
                    .out_channels = kResNetStem,
                    .kernel_size = kernel_size,
                    .stride = options.small_images ? 1 : 2,
                    .padding = symmetric_padding(kernel_size),
                    .bias = bias},
                   random);
}

void append_stem_pool(Sequential& network, const ResNetOptions& options) {
  if (options.small_images) return;
  const Padding padding = options.stride_style == StrideStyle::slim
                              ? same_padding(3, 2, same_size(options.input.height, 2),
                                             same_size(options.input.width, 2))
                              : symmetric_padding(3);
  network.append("maxpool", std::make_shared<MaxPool2d>(
                                Window2d{.kernel = {3, 3}, .stride = {2, 2}, .padding = padding}));
}

void append_bottleneck(const ResNetBlock& block, const ResNetOptions& options, bool bias,
                       Random& random, const AppendPart& append) {
  const bool first = options.stride_style == StrideStyle::v1;
  append("conv1", make_conv({.in_channels = block.in_channels,
                             .out_channels = block.channels,
                             .kernel_size = 1,
                             .stride = first ? block.stride : 1},
                            random));
  append("bn1", make_norm(block.channels, options.norm, Activation::relu));
  append("conv2", make_conv({.in_channels = block.channels,
                             .out_channels = block.channels,
                             .stride = first ? 1 : block.stride,
                             .padding = symmetric_padding(3)},
                            random));
  append("bn2", make_norm(block.channels, options.norm, Activation::relu));
  append("conv3", make_conv({.in_channels = block.channels,
                             .out_channels = block.channels * kBottleneckExpansion,
                             .kernel_size = 1,
                             .bias = bias},
                            random));
}

}  // namespace quench::models
