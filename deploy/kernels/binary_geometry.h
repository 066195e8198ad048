#pragma once

#include <cstdint>
#include <vector>

#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// The taps [begin, end) of a kernel's rows or columns that lie on the image.
struct TapRange {
  int begin = 0, end = 0;

  int count() const { return end - begin; }
  bool operator==(const TapRange&) const = default;
};

/// One direction of a convolution over an image that is copied with what padding the outputs need.
struct Axis {
  std::int64_t size = 0;    ///< of the image
  std::int64_t out = 0;     ///< of the output
  std::int64_t before = 0;  ///< padding
  std::int64_t stride = 1, dilation = 1;
  int kernel = 1;

  /// How much of the padded image the outputs read.
  std::int64_t padded() const { return (out - 1) * stride + (kernel - 1) * dilation + 1; }
  TapRange on_image(std::int64_t output) const;
};

Axis rows_of(const ConvProblem& problem);
Axis columns_of(const ConvProblem& problem);

}  // namespace quench::deploy
