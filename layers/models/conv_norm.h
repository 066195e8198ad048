#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/random.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/sequential.h"
#include "support/settings.h"

// What the tables of the networks are made of.
namespace quench::models {

/// Of all batch norms of one network.
struct NormOptions {
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< weight of the new batch, as in BatchNormParams
};
/// Keys of [model]: bn_eps, bn_momentum.
NormOptions read_norm_options(const Settings& settings, const NormOptions& fallback);

/// One convolution with a square kernel; channels have to be given.
struct ConvSpec {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  int kernel_size = 3;
  int stride = 1;
  Padding padding{};
  bool depthwise = false;  ///< out_channels is a multiple of in_channels
  bool bias = false;
};

std::shared_ptr<Conv2d> make_conv(const ConvSpec& spec, Random& random);
std::shared_ptr<BatchNorm> make_norm(std::int64_t channels, const NormOptions& norm,
                                     Activation activation = Activation::none);

/// A convolution "conv" and its batch norm with activation, "bn".
std::shared_ptr<Sequential> conv_norm(const ConvSpec& spec, const NormOptions& norm,
                                      Activation activation, Random& random);

/// x at every stride-th pixel.
std::shared_ptr<Module> subsample(int stride);

/// Ends a network: "pool", the global average, and `name`, a linear layer with bias.
void append_classifier(Sequential& network, const std::string& name, std::int64_t channels,
                       std::int64_t classes, Random& random);

}  // namespace quench::models
