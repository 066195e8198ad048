#pragma once

#include <cstdint>
#include <cstring>

namespace quench {

// Flags in a bit each, for what backward keeps of every activation: bit i % 8 of byte i / 8 is flag i.

/// The bytes of `count` flags.
constexpr std::int64_t bytes_of_bits(std::int64_t count) { return (count + 7) / 8; }

/// Packs flags of 0 and 1. The bits after the last flag are 0.
inline void pack_bits(const std::uint8_t* flags, std::int64_t count, std::uint8_t* bits) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    // The factor moves flag k, bit 8 k, to bit 56 + k; all other products end below bit 56 or past bit 63.
    std::uint64_t eight;
    std::memcpy(&eight, flags + i, sizeof(eight));
    bits[i / 8] = static_cast<std::uint8_t>((eight * 0x0102040810204080U) >> 56U);
  }
  if (i < count) bits[i / 8] = 0;
  for (; i < count; ++i)
    bits[i / 8] =
        static_cast<std::uint8_t>(bits[i / 8] | (flags[i] << static_cast<unsigned>(i % 8)));
}

/// Flags of 0 and 1 from their bits.
inline void unpack_bits(const std::uint8_t* bits, std::int64_t count, std::uint8_t* flags) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    // Each byte k keeps bit k of the eight; adding 127 carries it to the byte's highest bit.
    const std::uint64_t own = (bits[i / 8] * 0x0101010101010101U) & 0x8040201008040201U;
    const std::uint64_t eight = ((own + 0x7f7f7f7f7f7f7f7fU) >> 7U) & 0x0101010101010101U;
    std::memcpy(flags + i, &eight, sizeof(eight));
  }
  for (; i < count; ++i)
    flags[i] = static_cast<std::uint8_t>((bits[i / 8] >> static_cast<unsigned>(i % 8)) & 1U);
}

}  // namespace quench
