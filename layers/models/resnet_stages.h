#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "layers/models/resnet.h"

// What ResNets with batch norm after the convolutions and before them have in common.
namespace quench::models {

/// A line of the networks' table.
struct ResNetStage {
  std::int64_t channels;  ///< inside its blocks
  int blocks;
};
using ResNetStages = std::array<ResNetStage, 4>;
inline constexpr ResNetStages kStages50{{{64, 3}, {128, 4}, {256, 6}, {512, 3}}};
inline constexpr std::int64_t kBottleneckExpansion = 4;

/// A block as its stage asks for it.
struct ResNetBlock {
  std::int64_t in_channels = 0;
  std::int64_t channels = 0;
  int stride = 1;
};
using MakeBlock = std::function<std::shared_ptr<Module>(const ResNetBlock&)>;

/// Appends "layer1" to "layer4" and returns the channels of the last.
std::int64_t append_stages(Sequential& network, const ResNetStages& stages, std::int64_t expansion,
                           StrideStyle style, const MakeBlock& make);

inline constexpr std::int64_t kResNetStem = 64;
/// The first convolution: 7x7 with stride 2, or for small images 3x3.
std::shared_ptr<Conv2d> make_stem(const ResNetOptions& options, bool bias, Random& random);
/// The max pool behind it, but for small images.
void append_stem_pool(Sequential& network, const ResNetOptions& options);

using AppendPart = std::function<void(const std::string& name, std::shared_ptr<Module> part)>;
/// The branch of a bottleneck up to its last convolution, "conv1" to "conv3": 1x1, 3x3 and 1x1 with
/// batch norms between them (He et al. 2015, fig. 5).
/// @param bias  of conv3
void append_bottleneck(const ResNetBlock& block, const ResNetOptions& options, bool bias,
                       Random& random, const AppendPart& append);

}  // namespace quench::models
