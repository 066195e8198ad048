#pragma once

#include <cstdint>

namespace quench::kernels {

// 1-bit convolution by popcount. Bit 1 means -1 and bit 0 means +1, so a product is -1 where two
// bits differ, and
//
//   sum = K - 2 popcount(a xor w)
//
// over K products. A word holds 64 channels; missing channels of the last word are 0 in both
// operands. Taps outside the image read words of 0, i.e. +1; their contribution is known per output
// channel and border, and subtracted.

/// A set of output pixels, for all output channels.
struct PopcountTask {
  /// Each pixel's first tap in the packed image.
  const std::uint64_t* const* pixels;
  std::int64_t pixel_count;
  /// [taps], offsets from the first tap in words.
  const std::int32_t* taps;
  std::int64_t tap_count;
  std::int64_t words;  ///< per pixel
  /// [ceil(O / kPopcountBlock)][taps][words][kPopcountBlock]
  const std::uint64_t* weight;
  /// For each pixel, K minus the sum of the weights outside the image: [O], padded to whole blocks.
  const std::int32_t* const* start;
  std::int32_t* const* sums;  ///< of each pixel, [O]
  std::int64_t out_channels;
};

inline constexpr std::int64_t kPopcountBlock = 16;

/// The functions of an instruction set.
struct PopcountCode {
  const char* name;
  /// Whether the second word of every two stores the XOR of both.
  bool paired;
  /// Sets bit i of `words` where codes[i] is `minus`, for `channels` codes.
  void (*pack)(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
               std::uint64_t* words);
  void (*accumulate)(const PopcountTask& task);
};

extern const PopcountCode kPopcountScalar;
extern const PopcountCode kPopcountAvx512;

}  // namespace quench::kernels
