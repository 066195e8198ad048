#pragma once

#include <memory>

#include "layers/models/mobile_builder.h"
#include "layers/module.h"

namespace quench::layers::models {

/// MNasNet-B1 (Tan et al. 2019, arXiv:1807.11626, figure 7 without squeeze-and-excitation) with
/// ReLU, see inverted_residual_network(). Width 1 at 224 x 224: 4,383,312 parameters with 1000
/// classes, 314.4 M multiply-accumulates. torchvision uses padding = "symmetric" and bn_eps = 1e-5.
/// @param stem_relu  whether ReLU follows the first convolution; off in the network that FAT
///                   quantizes
std::unique_ptr<Module> mnasnet(const MobileOptions& options, bool stem_relu, Random& random);
/// Reads the keys of read_mobile_options() and stem_relu (true); by default, dropout is 0.2 and
/// activation "relu".
std::unique_ptr<Module> make_mnasnet(Settings& settings, const ModelInput& input, Random& random);

}  // namespace quench::layers::models
