#pragma once

// Private to the folder: the windows of convolutions and pools, as ONNX writes them.

#include <array>
#include <cstdint>

#include "core/ops/window.h"
#include "onnx/import/attributes.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

struct Windows {
  Window2d window;
  std::array<int, 2> dilation{1, 1};
  bool ceil_mode = false;  ///< what it adds at the bottom and right is in the padding

  /// Rows and columns of the result for an image that is padded so.
  std::array<std::int64_t, 2> output_size(const Value& image) const;
};

/// A convolution's that slide over `image`, with the zeros that are left to add around it.
/// @param kernel  what its weight says, of as many axes as the image has
/// @throws std::invalid_argument  for sizes that are no such window, or none that fits the image
Windows conv_windows(const WindowAttributes& attributes, const Value& image,
                     const Integers& kernel);

/// The windows of a ConvTranspose as those of a convolution, over an image each of whose pixels has become
/// a block of zeros with the pixel in its first corner.
struct SpreadWindows {
  std::array<int, 2> kernel;
  std::array<int, 2> spread;  ///< rows and columns of a block
  Padding around;             ///< zeros, or below 0 what is cut off
  std::array<int, 2> dilation;
};
/// @throws std::invalid_argument  as above
SpreadWindows transposed_windows(const ConvTransposeAttributes& attributes, const Value& image,
                                 const Integers& kernel);

/// A pool's. @throws std::invalid_argument  as above
Windows pool_windows(const WindowAttributes& attributes, bool ceil_mode, const Value& image);

}  // namespace quench::onnx_network
