#pragma once

#include <cstdint>

namespace quench::kernels {

// 1-bit convolution by table lookup, for instruction sets without a fast popcount but with an
// instruction that looks up 16 bytes.
//
// Bit 1 means -1, so sum = K - 2 (differing bits). Four channels of a pixel form a number below 16,
// which selects a table: how many bits differ from each of the 16 combinations of four weights. 32
// output channels look up their four weights at once. A table entry serves two pixels, the first in
// the low half of the byte, the second in the high half, so the sum of up to three entries fits.
//
// A tap outside the image has number 16, whose table entries are all 2: half of the bits differ,
// which adds nothing to the sum.

inline constexpr int kLookupNumbers = 17;  ///< of a pixel's four channels
inline constexpr int kLookupEntries = 16;  ///< bytes of a table
/// Entries are added in threes, for three bytes of weights.
inline constexpr int kLookupStep = 3;
inline constexpr int kLookupBlock = 32;  ///< output channels
/// A byte that looks up 0 in every table.
inline constexpr std::uint8_t kNoWeights = 0x80;

/// Two adjacent output pixels.
struct PixelPair {
  /// The first tap's offsets into the table of tables, one for each four channels.
  const std::uint16_t* tables;
  std::int32_t* sums[2];  ///< [O]; the second is null if there is only one pixel
  std::int32_t start[2];  ///< the sum if no bit differs
};

/// A set of output pixels, for all output channels.
struct LookupTask {
  const PixelPair* pairs;
  std::int64_t pair_count;      ///< at most kLookupPairs
  const std::uint8_t* tables;   ///< [17 x 17][16]
  const std::int32_t* offsets;  ///< [steps], into PixelPair::tables, of the first of every three
  std::int64_t steps;
  const std::uint8_t* weight;  ///< [ceil(O / 32)][steps][3][32], see lookup_channel()
  std::int64_t out_channels;
};

inline constexpr std::int64_t kLookupPairs = 8;

/// The output channel of a block for byte `byte` of its weights: first the even bytes, then the odd
/// ones, because byte sums widen to 16 bits in this order.
constexpr int lookup_channel(int byte) { return byte / 2 + byte % 2 * (kLookupBlock / 2); }

/// For `channels` codes, writes the offset of the first pixel's table for every four.
void lookup_offsets_avx2(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
                         std::uint16_t* tables);
/// Adds the offsets of the second pixel, `distance` further on, for `count` offsets.
void lookup_join_avx2(std::uint16_t* tables, std::int64_t count, std::int64_t distance);
void lookup_accumulate_avx2(const LookupTask& task);

}  // namespace quench::kernels
