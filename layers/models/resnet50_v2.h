#pragma once

#include <memory>

#include "layers/models/resnet.h"

namespace quench::models {

/// ResNet-50 v2 (He et al. 2016, arXiv:1603.05027, fig. 1b) as tf-slim has it: batch norm and ReLU
/// stand before the convolutions. A block is "preact", conv1, bn1, conv2, bn2 and conv3, which has a
/// bias and no batch norm, and so has the projection, which reads what preact gives; other shortcuts
/// are the input itself. The first convolution has a bias and neither batch norm nor activation;
/// "postnorm" follows the blocks. 25,568,360 parameters.
std::unique_ptr<Module> resnet50_v2(const ResNetOptions& options, Random& random);
/// By the keys of read_resnet_options().
std::unique_ptr<Module> make_resnet50_v2(Settings& settings, const ModelInput& input,
                                         Random& random);

}  // namespace quench::models
