#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "core/ops/window.h"
#include "core/random.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "support/settings.h"

// Building blocks of the networks.

namespace quench::layers::models {

/// How the convolutions of a network pad images.
enum class PadStyle : std::uint8_t {
  symmetric,  ///< PyTorch: the same on all sides, whatever the image size
  same,       ///< TensorFlow: depends on the image size; the larger half at the bottom and right
};

/// The same on all sides: with k / 2, an odd kernel with stride 1 keeps the image size.
inline Padding symmetric_padding(int kernel_size) {
  const int pad = kernel_size / 2;
  return {pad, pad, pad, pad};
}

/// Rows or columns after a stride with "same" padding: ceil(size / stride).
inline std::int64_t same_size(std::int64_t size, int stride) {
  return (size + stride - 1) / stride;
}

/// TensorFlow's "SAME" for images of this size: max((ceil(size / stride) - 1) * stride + k - size,
/// 0) in total per axis, the smaller half at the top and left.
inline Padding same_padding(int kernel_size, int stride, std::int64_t height, std::int64_t width) {
  const auto total = [=](std::int64_t size) {
    const std::int64_t covered = (same_size(size, stride) - 1) * stride + kernel_size;
    return static_cast<int>(std::max<std::int64_t>(covered - size, 0));
  };
  const int rows = total(height), columns = total(width);
  return {rows / 2, columns / 2, rows - rows / 2, columns - columns / 2};
}

/// The channels at another width, given those at width 1: rounded to the nearest, at least 1.
inline std::int64_t scaled_channels(std::int64_t channels, double width) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(channels) * width));
}

/// For all batch norms of one network.
struct NormOptions {
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< weight of the new batch, as in BatchNormParams
};
/// Reads the keys of [model]: bn_eps, bn_momentum.
NormOptions read_norm_options(const Settings& settings, const NormOptions& fallback);

/// One convolution with a square kernel; the channels are required.
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

/// A convolution "conv", then its batch norm with activation, "bn".
std::shared_ptr<Sequential> conv_norm(const ConvSpec& spec, const NormOptions& norm,
                                      Activation activation, Random& random);

/// Every stride-th pixel of x.
std::shared_ptr<Module> subsample(int stride);

/// Ends a network: "pool", the global average, then `name`, a linear layer with bias.
void append_classifier(Sequential& network, const std::string& name, std::int64_t channels,
                       std::int64_t classes, Random& random);

/// How a shortcut changes the number of channels or the image size (He et al. 2015,
/// arXiv:1512.03385, section 4.2).
enum class Shortcut : std::uint8_t {
  pad,        ///< option A: every stride-th pixel, zero channels on both sides; no parameters
  conv,       ///< a 1x1 convolution without batch norm
  conv_norm,  ///< option B: a 1x1 convolution and batch norm
};

/// Sizes of a basic block; in_channels and out_channels are required.
struct BasicBlockOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  int stride = 1;  ///< of the first convolution and the shortcut
  Shortcut shortcut = Shortcut::conv;
  NormOptions norm;
};

/// The residual block of two 3x3 convolutions (He et al. 2015, fig. 2):
/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), from [N, I, H, W] to [N, O, OH, OW] with
/// OH = ceil(H / stride), OW likewise. The shortcut is x itself where the shapes agree.
/// @throws std::invalid_argument  for channels or a stride < 1, or for Shortcut::pad with fewer
///                                output than input channels
std::shared_ptr<Residual> basic_block(const BasicBlockOptions& options, Random& random);

}  // namespace quench::layers::models
