#pragma once

#include <cstdint>

namespace quench::deploy {

// 1-bit convolution by looking sums up, for instruction sets that count bits slowly but look 16
// bytes up in one instruction.
//
// With bit 1 for -1, sum = K - 2 (differing bits). Four channels of a pixel are a number below 16
// that chooses a table: how many bits differ from each of the 16 combinations of four weights. 32
// output channels look their four weights up in it at once. A table's entries serve two pixels, the
// first in the low half of a byte, the second in the high half, so that the sum of up to three
// entries fits.
//
// A tap off the image has number 16, whose table says 2 everywhere: half of the bits differ, which
// adds nothing to the sum.

inline constexpr int kLookupNumbers = 17;  ///< of a pixel's four channels
inline constexpr int kLookupEntries = 16;  ///< bytes of a table
/// Entries are added in threes; as many bytes of weights are looked up.
inline constexpr int kLookupStep = 3;
inline constexpr int kLookupBlock = 32;  ///< output channels
/// A byte that looks up 0 whatever the table.
inline constexpr std::uint8_t kNoWeights = 0x80;

/// Two output pixels beside each other.
struct PixelPair {
  /// Of the first tap: offsets in the table of tables, one for each four channels.
  const std::uint16_t* tables;
  std::int32_t* sums[2];  ///< [O]; the second is null if there is one pixel only
  std::int32_t start[2];  ///< the sum if no bit differed
};

/// Some output pixels, for all output channels.
struct LookupTask {
  const PixelPair* pairs;
  std::int64_t pair_count;      ///< at most kLookupPairs
  const std::uint8_t* tables;   ///< [17 x 17][16]
  const std::int32_t* offsets;  ///< in PixelPair::tables, of the first of every three. [steps]
  std::int64_t steps;
  const std::uint8_t* weight;  ///< [ceil(O / 32)][steps][3][32], see lookup_channel()
  std::int64_t out_channels;
};

inline constexpr std::int64_t kLookupPairs = 8;

/// Which output channel of a block is byte `byte` of its weights: those at even places, then those
/// at odd ones, because sums of bytes become sums of 16 bits in this order.
constexpr int lookup_channel(int byte) { return byte / 2 + byte % 2 * (kLookupBlock / 2); }

/// Writes, for `channels` codes, the offset of the first pixel's table for every four.
void lookup_offsets_avx2(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
                         std::uint16_t* tables);
/// Adds those of the second pixel, which lie `distance` further, for `count` offsets.
void lookup_join_avx2(std::uint16_t* tables, std::int64_t count, std::int64_t distance);
void lookup_accumulate_avx2(const LookupTask& task);

}  // namespace quench::deploy
