#pragma once

#include <cstddef>
#include <cstdint>

// The interface between the depthwise kernels' driver and their inner loops. Files of every
// instruction set include it, so it has no inline functions.

namespace quench::kernels {

/// The weights in blocks of a kernel's lanes. Taps are paired; if their number is odd, the last one
/// is paired with itself.
struct DepthwiseWeights {
  const std::int32_t* taps = nullptr;  ///< per tap, bytes from a window's first tap
  /// Two vectors of pairs of weights per block and pair of taps, in the order in which the halves
  /// of 128-bit lanes interleave: channels 0 to 3, 8 to 11, ... of a block, then 4 to 7, 12 to 15,
  /// ...
  const std::int16_t* weights = nullptr;
  const std::int32_t* start = nullptr;  ///< initial sums of each block, in that order
  std::int32_t pairs = 0;
  std::int32_t channels = 0;
  std::int32_t row_bytes = 0, column_bytes = 0;  ///< from a code to the one below, and to the right
};

/// Adds up the products for a tile of windows of 16-bit codes: sums[p * channels + c], in int32.
using DepthwiseTile = void (*)(const std::byte* const* windows, const DepthwiseWeights& depthwise,
                               std::int32_t* sums);

/// The same for any number of adjacent pixels in a row, starting at the first one's window.
using DepthwiseRow = void (*)(const std::byte* window, std::int64_t pixels,
                              const DepthwiseWeights& depthwise, std::int32_t* sums);

/// The loops of one kernel, for up to `pixels` pixels.
struct DepthwiseTiles {
  int lanes;  ///< channels per block
  int pixels;
  DepthwiseTile (*tile)(int pixels);
  /// For 3x3 kernels without dilation, whose pairs are the taps 0 and 3, 1 and 4, 2 and 5, 6 and 7,
  /// and 8, and for horizontal strides of 1 and 2.
  DepthwiseRow row[2];
};

extern const DepthwiseTiles kDepthwiseAvx2, kDepthwiseAvx512;

}  // namespace quench::kernels
