#include "core/half.h"

#include <bit>
#include <cmath>

namespace quench {

float from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16u;
  const std::uint32_t exponent = (half >> 10u) & 0x1fu;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 0) {  // subnormal: a multiple of 2^-24
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide << 23u | fraction << 13u);
}

}  // namespace quench
