#pragma once

#include <cstddef>
#include <cstdint>

// The interface between the dense kernels' driver and their inner loops. Files of every instruction
// set include it, so it has no inline functions.

namespace quench::kernels {

/// The largest number of steps per group whose products maddubs adds in 16 bits.
inline constexpr int kMaxDepth = 4;

/// A block of output channels, packed for one kernel.
///
/// A step multiplies 4 bytes at one offset from a window's first tap, i.e. 4 codes of 8 bits or 2
/// of 16, by the weights of each channel. Steps are independent and in the order that suits the
/// kernel.
struct DenseBlock {
  const std::int32_t* offsets = nullptr;  ///< per step, in bytes
  const std::byte* weights = nullptr;     ///< per step [channels, padded][4 or 2]; aligned
  const std::int32_t* start = nullptr;    ///< initial sums, [channels, padded]
  /// maddubs: the numbers of groups of 1, 2, ... steps, in that order.
  std::int32_t groups[kMaxDepth] = {};
  /// maddubs narrow: the numbers of pairs of steps that are added in 16 bits.
  const std::int32_t* pairs = nullptr;
  std::int32_t steps = 0;
  std::int32_t channels = 0;  ///< stored channels
};

/// Adds up the block's products for a tile of windows: sums[p * stride + o], in int32.
using DenseTile = void (*)(const std::byte* const* windows, const DenseBlock& block,
                           std::int32_t* sums, std::int64_t stride);

/// The loops of one kernel, for up to `pixels` pixels and `vectors` vectors.
struct DenseTiles {
  int lanes;    ///< output channels in a vector
  int vectors;  ///< most vectors of a block
  int pixels;   ///< most pixels of a tile
  /// @param pixels, vectors  each >= 1
  DenseTile (*tile)(int pixels, int vectors);
};

extern const DenseTiles kDenseMadd16Avx2, kDenseMaddubsAvx2, kDenseNarrowAvx2;
extern const DenseTiles kDenseDot8Avx512, kDenseDot16Avx512;

}  // namespace quench::kernels
