#pragma once

#include <memory>

#include "layers/models/mobile_builder.h"
#include "layers/module.h"

namespace quench::layers::models {

/// MobileNet v2 (Sandler et al. 2018, arXiv:1801.04381, table 2), see inverted_residual_network().
/// Width 1 at 224 x 224: 3,504,872 parameters with 1000 classes, 299.5 M multiply-accumulates
/// without the classifier. torchvision uses padding = "symmetric" and bn_eps = 1e-5.
std::unique_ptr<Module> mobilenet_v2(const MobileOptions& options, Random& random);
/// Reads the keys of read_mobile_options(); dropout is 0.2 by default.
std::unique_ptr<Module> make_mobilenet_v2(Settings& settings, const ModelInput& input,
                                          Random& random);

}  // namespace quench::layers::models
