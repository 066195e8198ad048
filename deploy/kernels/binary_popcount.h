#pragma once

#include <cstdint>

namespace quench::deploy {

// 1-bit convolution by counting bits: with bit 1 for -1 and bit 0 for +1, a product is -1 where two
// bits differ, and
//
//   sum = K - 2 popcount(a xor w)
//
// over K products. 64 channels lie in a word; what a last word lacks is 0 in both operands. Taps off
// the image read words of 0, that is +1; what they add is known per output channel and border, and
// taken off.

/// Some output pixels, for all output channels.
struct PopcountTask {
  /// Where each pixel's first tap lies in the packed image.
  const std::uint64_t* const* pixels;
  std::int64_t pixel_count;
  /// Of every tap, in words from the first. [taps]
  const std::int32_t* taps;
  std::int64_t tap_count;
  std::int64_t words;  ///< of a pixel
  /// [ceil(O / kPopcountBlock)][taps][words][kPopcountBlock]
  const std::uint64_t* weight;
  /// For each pixel K less the sum of the weights off the image. [O], padded to whole blocks
  const std::int32_t* const* start;
  std::int32_t* const* sums;  ///< of each pixel, [O]
  std::int64_t out_channels;
};

inline constexpr std::int64_t kPopcountBlock = 16;

/// What an instruction set adds to the layout.
struct PopcountCode {
  const char* name;
  /// Whether the second word of every two is kept as the exclusive or of both.
  bool paired;
  /// Sets bit i of `words` where codes[i] is `minus`, for `channels` codes.
  void (*pack)(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
               std::uint64_t* words);
  void (*accumulate)(const PopcountTask& task);
};

extern const PopcountCode kPopcountScalar;
extern const PopcountCode kPopcountAvx512;

}  // namespace quench::deploy
