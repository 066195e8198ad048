#pragma once

#include <cstdint>
#include <memory>

#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "support/settings.h"

namespace quench::layers::models {

struct ResNet8Options {
  double width = 1.0;  ///< multiplies every channel count
  std::int64_t in_channels = 3;
  std::int64_t classes = 10;
};

/// ResNet-8 for CIFAR-10, the image classifier of MLPerf Tiny (Banbury et al. 2021,
/// arXiv:2106.07597; resnet_v1_eembc): a 3x3 convolution to 16 channels; three basic blocks with
/// 16, 32 and 64 channels, the last two with stride 2; global average pool; linear layer with bias.
/// It accepts images of any size; 12,501,632 multiply-accumulates for 32x32 at width 1.
///
/// 77,850 parameters at width 1. The reference counts 78,666: it includes 480 running statistics
/// and the 336 convolution biases, which batch norm makes redundant except in the shortcuts. At
/// stride 2 the reference pads only at the bottom and right; this one pads on all sides.
/// Batch norm: eps 1e-3, momentum 0.1.
/// @throws std::invalid_argument  for a width <= 0
std::unique_ptr<Module> resnet8(const ResNet8Options& options, Random& random);
/// Reads the keys of [model]: width.
std::unique_ptr<Module> make_resnet8(Settings& settings, const ModelInput& input, Random& random);

}  // namespace quench::layers::models
