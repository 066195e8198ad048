#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/random.h"
#include "layers/models/blocks.h"
#include "layers/models/model_input.h"
#include "layers/models/source_names.h"
#include "support/settings.h"

namespace quench::layers::models {

struct CifarResNetOptions {
  int depth = 20;      ///< 6 n + 2: 20, 32, 44, 56
  double width = 1.0;  ///< multiplies every channel count
  std::int64_t in_channels = 3;
  std::int64_t classes = 10;
  NormOptions norm;
};

/// The ResNets for CIFAR-10 (He et al. 2015, arXiv:1512.03385, section 4.2), as
/// akamaster/pytorch_resnet_cifar10 trains them and names their parts: a 3x3 convolution to 16
/// channels; three stages of n basic blocks with 16, 32 and 64 channels, of which the last two
/// start with stride 2; shortcuts without parameters (option A); global average pool; linear layer
/// with bias. ResNet-20: 269,722 parameters, 40,551,040 multiply-accumulates for 32x32. Any image
/// size.
/// @throws std::invalid_argument  for another depth or a width <= 0
std::unique_ptr<Module> cifar_resnet(const CifarResNetOptions& options, Random& random);
/// Reads the keys of [model]: width, bn_eps, bn_momentum.
std::unique_ptr<Module> make_cifar_resnet(int depth, Settings& settings, const ModelInput& input,
                                          Random& random);

/// akamaster/pytorch_resnet_cifar10 uses the same names.
inline constexpr std::array kCifarResNetSources{
    SourceNames{.source = "akamaster/pytorch_resnet_cifar10", .renames = {}}};

}  // namespace quench::layers::models
