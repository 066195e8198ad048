#pragma once

#include <algorithm>
#include <cstdint>

#include "core/ops/window.h"

namespace quench::models {

/// How the convolutions of a network are padded.
enum class PadStyle : std::uint8_t {
  symmetric,  ///< PyTorch's: as much on all sides, whatever the image
  same,       ///< TensorFlow's: what the image needs, the larger half at the bottom and right
};

/// As much on all sides: k / 2 keeps the size of an image under an odd kernel of stride 1.
inline Padding symmetric_padding(int kernel_size) {
  const int pad = kernel_size / 2;
  return {pad, pad, pad, pad};
}

/// Rows or columns of the output of a stride with "same" padding: ceil(size / stride).
inline std::int64_t same_size(std::int64_t size, int stride) {
  return (size + stride - 1) / stride;
}

/// TensorFlow's "SAME" for images of that size: in all max((ceil(size / stride) - 1) * stride + k -
/// size, 0) per axis, the smaller half at the top and left.
inline Padding same_padding(int kernel_size, int stride, std::int64_t height, std::int64_t width) {
  const auto total = [=](std::int64_t size) {
    const std::int64_t covered = (same_size(size, stride) - 1) * stride + kernel_size;
    return static_cast<int>(std::max<std::int64_t>(covered - size, 0));
  };
  const int rows = total(height), columns = total(width);
  return {rows / 2, columns / 2, rows - rows / 2, columns - columns / 2};
}

}  // namespace quench::models
