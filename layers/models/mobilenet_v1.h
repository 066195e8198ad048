#pragma once

#include <memory>

#include "layers/models/mobile_builder.h"
#include "layers/module.h"

namespace quench::layers::models {

/// MobileNet v1 (Howard et al. 2017, arXiv:1704.04861, table 1) as tf-slim trains it: "conv1", a
/// 3x3 convolution to 32 channels with stride 2; "block1" to "block13", each a depthwise 3x3
/// convolution "dw" and a pointwise one "pw"; global average pool, dropout, linear layer with bias.
/// Batch norm and ReLU6 follow each convolution. At width w, a layer has max(int(c w), 8) channels.
///
/// It accepts only images of the size in the options, because "same" padding depends on it. Width 1
/// at 224 x 224: 4,231,976 parameters and 568.7 M multiply-accumulates with 1000 classes.
std::unique_ptr<Module> mobilenet_v1(const MobileOptions& options, Random& random);
/// Reads the keys of read_mobile_options(); dropout is 0.001 by default.
std::unique_ptr<Module> make_mobilenet_v1(Settings& settings, const ModelInput& input,
                                          Random& random);

}  // namespace quench::layers::models
