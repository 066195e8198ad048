#pragma once

#include <bit>
#include <cstdint>

namespace quench {

/// Interprets 16 bits as IEEE 754 binary16 ("FP16"); exact in float32.
float from_half(std::uint16_t bits);

/// A bfloat16: the upper half of a float32, with its exponents and 8 significant bits.
struct BFloat16 {
  std::uint16_t bits = 0;
  bool operator==(const BFloat16&) const = default;
};

/// Interprets 16 bits as bfloat16; exact in float32.
inline float from_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16u);
}

/// The nearest bfloat16, ties to even. Magnitudes of 0x7f7f8000 (3.396e38) and more become infinity;
/// subnormals and NaN are kept. Integers up to 256 are exact.
inline BFloat16 to_bfloat(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16u) & 1u);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return {static_cast<std::uint16_t>((nan ? bits | 0x400000u : rounded) >> 16u)};
}

}  // namespace quench
