#pragma once

// Private to the folder: the windows of convolutions and pools in ONNX.

#include <array>
#include <cstdint>

#include "core/ops/window.h"
#include "onnx/import/attributes.h"
#include "onnx/import/value.h"

namespace quench::onnx {

struct Windows {
  Window2d window;
  std::array<int, 2> dilation{1, 1};
  bool ceil_mode = false;  ///< its extra padding at the bottom and right is included

  /// Rows and columns of the result.
  std::array<std::int64_t, 2> output_size(const Value& image) const;
};

/// The windows of a convolution over `image`, including its pending zero padding.
/// @param kernel  from its weight, with as many axes as the image
/// @throws std::invalid_argument  for invalid sizes, or windows that do not fit the image
Windows conv_windows(const WindowAttributes& attributes, const Value& image,
                     const Integers& kernel);

/// The windows of a ConvTranspose, as those of a convolution over an image whose pixels are spread
/// to the first corner of blocks of zeros.
struct SpreadWindows {
  std::array<int, 2> kernel;
  std::array<int, 2> spread;  ///< rows and columns of a block
  Padding around;             ///< zeros; crops if negative
  std::array<int, 2> dilation;
};
/// @throws std::invalid_argument  as above
SpreadWindows transposed_windows(const ConvTransposeAttributes& attributes, const Value& image,
                                 const Integers& kernel);

/// The windows of a pool. @throws std::invalid_argument  as above
Windows pool_windows(const WindowAttributes& attributes, bool ceil_mode, const Value& image);

}  // namespace quench::onnx
