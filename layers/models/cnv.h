#pragma once

#include <cstdint>
#include <memory>

#include "core/ops/activation.h"
#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "support/settings.h"

namespace quench::layers::models {

struct CnvOptions {
  double width = 1.0;  ///< multiplies every channel count
  std::int64_t in_channels = 3;
  std::int64_t image_size = 32;  ///< height and width; at least 32
  std::int64_t classes = 10;
  /// hardtanh, the float path under a sign; or relu.
  Activation activation = Activation::hardtanh;
};

/// CNV for CIFAR-10 (Umuroglu et al. 2017, "FINN", arXiv:1612.07119), a smaller BinaryNet without
/// padding: (2x64C3)-MP2-(2x128C3)-MP2-(2x256C3)-(2x512FC)-10, in blocks of convolution, batch norm
/// and activation, each followed by the pool where one is listed. The sign is in the input slot of
/// the next layer. No biases; 1,542,848 weights at width 1.
///
/// Batch norm: eps 1e-4, momentum 0.1. As in BinaryNet, one follows the logits, too.
/// @throws std::invalid_argument  for a width <= 0 or an image size out of range
std::unique_ptr<Module> cnv(const CnvOptions& options, Random& random);
/// Reads the keys of [model]: width, activation.
/// @throws std::invalid_argument  for images that are not square
std::unique_ptr<Module> make_cnv(Settings& settings, const ModelInput& input, Random& random);

}  // namespace quench::layers::models
