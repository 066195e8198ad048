#pragma once

#include <cstddef>
#include <cstdint>

// What the driver of the dense kernels and their inner loops agree on. Included by files of every
// instruction set: no inline functions here.

namespace quench::deploy {

/// Steps of a group whose products maddubs adds up in 16 bits: 1 to this many.
inline constexpr int kMaxDepth = 4;

/// Some output channels, laid out for one kernel.
///
/// A step multiplies the 4 bytes of codes at one offset from a window's first tap, 4 codes or 2 wide
/// ones, with weights of each channel. Steps are independent: they come in the order that suits the
/// kernel.
struct DenseBlock {
  const std::int32_t* offsets = nullptr;  ///< of each step, in bytes
  const std::byte* weights = nullptr;     ///< of each step, [channels, padded][4 or 2]; aligned
  const std::int32_t* start = nullptr;    ///< what the sums start at, [channels, padded]
  /// maddubs: how many groups of 1, 2, ... steps there are; they come in that order.
  std::int32_t groups[kMaxDepth] = {};
  /// maddubs narrow: the numbers of pairs of steps that are added up in 16 bits.
  const std::int32_t* pairs = nullptr;
  std::int32_t steps = 0;
  std::int32_t channels = 0;  ///< that are stored
};

/// Adds up the block's products for some windows: sums[p * stride + o], in int32.
using DenseTile = void (*)(const std::byte* const* windows, const DenseBlock& block,
                           std::int32_t* sums, std::int64_t stride);

/// The loops of one kernel, for any number of pixels up to `pixels` and vectors up to `vectors`.
struct DenseTiles {
  int lanes;    ///< output channels in a vector
  int vectors;  ///< most vectors of a block
  int pixels;   ///< most pixels of a tile
  /// @param pixels, vectors  each >= 1
  DenseTile (*tile)(int pixels, int vectors);
};

extern const DenseTiles kDenseMadd16Avx2, kDenseMaddubsAvx2, kDenseNarrowAvx2;
extern const DenseTiles kDenseDot8Avx512, kDenseDot16Avx512;

}  // namespace quench::deploy
