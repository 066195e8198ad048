#pragma once

#include <memory>

#include "core/ops/activation.h"
#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "support/settings.h"

namespace quench::layers::models {

struct BinaryNetOptions {
  double width = 1.0;  ///< multiplies every channel count
  std::int64_t in_channels = 3;
  /// Height and width; a multiple of 8, at least 16 without first_pad.
  std::int64_t image_size = 32;
  std::int64_t classes = 10;
  /// hardtanh, the float path under a sign; or relu, the usual float baseline.
  Activation activation = Activation::hardtanh;
  /// Whether the first convolution is padded by 1. BinaryNet.tf does not pad it (30x30 outputs).
  bool first_pad = true;
};

/// BinaryNet for CIFAR-10 (Courbariaux et al. 2016, arXiv:1602.02830):
/// (2x128C3)-MP2-(2x256C3)-MP2-(2x512C3)-MP2-(2x1024FC)-10, in blocks of convolution, max pool,
/// batch norm and activation. The sign is in the input slot of the next layer. No biases;
/// 14,022,016 weights at width 1.
///
/// Batch norm: eps 1e-4, momentum 0.9 (the new batch weighs 0.1). A batch norm also follows the
/// logits, except in the relu baseline.
/// @throws std::invalid_argument  for a width <= 0 or an image size out of range
std::unique_ptr<Module> binarynet(const BinaryNetOptions& options, Random& random);
/// Reads the keys of [model]: width, activation, first_pad.
/// @throws std::invalid_argument  for images that are not square
std::unique_ptr<Module> make_binarynet(Settings& settings, const ModelInput& input, Random& random);

}  // namespace quench::layers::models
