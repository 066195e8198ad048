#include "deploy/integer_only/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/error.h"

namespace quench::deploy {
namespace {

constexpr int kAdditionBits = 20;

/// Whether floor + rest / one goes up.
bool rounds_up(std::int64_t floor, std::int64_t rest, std::int64_t one, Rounding rounding) {
  if (rounding == Rounding::floor) return false;
  const std::int64_t left = one - rest;
  if (rest != left) return rest > left;
  if (rounding == Rounding::half_up) return true;
  return rounding == Rounding::half_even ? floor % 2 != 0 : floor >= 0;
}

}  // namespace

std::int64_t shift_right(std::int64_t value, int shift, Rounding rounding) {
  const std::int64_t floor = value >> shift, one = std::int64_t{1} << shift;
  const std::int64_t rest = value & (one - 1);
  return floor + (rest != 0 && rounds_up(floor, rest, one, rounding) ? 1 : 0);
}

std::int64_t divide(std::int64_t value, std::int64_t divisor, Rounding rounding) {
  const std::int64_t remainder = value % divisor;
  const std::int64_t floor = value / divisor - (remainder < 0 ? 1 : 0);
  const std::int64_t rest = remainder < 0 ? remainder + divisor : remainder;
  return floor + (rest != 0 && rounds_up(floor, rest, divisor, rounding) ? 1 : 0);
}

Multiplier quantize_multiplier(double m) {
  require(m >= 0.0 && m < std::ldexp(1.0, 30), "multiplier: expected 0 to 2^30, got {}", m);
  Multiplier result;
  double mantissa = std::round(std::ldexp(std::frexp(m, &result.exponent), 31));
  if (mantissa == std::ldexp(1.0, 31)) {
    mantissa /= 2.0;
    ++result.exponent;
  }
  if (mantissa == 0.0 || result.exponent < -31) return {};
  result.mantissa = static_cast<std::int32_t>(mantissa);
  return result;
}

std::int64_t requantize(std::int32_t sum, Multiplier m) {
  return shift_right(std::int64_t{sum} * m.mantissa, 31 - m.exponent, Rounding::half_up);
}

std::int64_t requantize_twice(std::int32_t sum, Multiplier m) {
  constexpr std::int64_t kLow = std::numeric_limits<std::int32_t>::min(),
                         kHigh = std::numeric_limits<std::int32_t>::max();
  const std::int64_t raised =
      std::clamp(std::int64_t{sum} * (std::int64_t{1} << std::max(m.exponent, 0)), kLow, kHigh);
  const std::int32_t product =
      doubling_high_multiply(static_cast<std::int32_t>(raised), m.mantissa);
  return shift_right(product, std::max(-m.exponent, 0), Rounding::half_away);
}

std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b) {
  const std::int64_t product = shift_right(std::int64_t{a} * b, 31, Rounding::half_up);
  return static_cast<std::int32_t>(
      std::min(product, std::int64_t{std::numeric_limits<std::int32_t>::max()}));
}

std::int32_t integer_bias(double bias, double scale) {
  return static_cast<std::int32_t>(std::clamp(
      std::nearbyint(bias / scale), static_cast<double>(std::numeric_limits<std::int32_t>::min()),
      static_cast<double>(std::numeric_limits<std::int32_t>::max())));
}

FixedAddition::FixedAddition(double scale1, double scale2, double scale) {
  const double common = 2.0 * std::max(scale1, scale2);
  first_ = quantize_multiplier(scale1 / common);
  second_ = quantize_multiplier(scale2 / common);
  output_ = quantize_multiplier(common / (std::ldexp(1.0, kAdditionBits) * scale));
}

std::int64_t FixedAddition::operator()(std::int32_t a, std::int32_t b) const {
  constexpr std::int32_t kFiner = std::int32_t{1} << kAdditionBits;
  const std::int64_t sum =
      requantize_twice(a * kFiner, first_) + requantize_twice(b * kFiner, second_);
  return requantize_twice(static_cast<std::int32_t>(sum), output_);
}

}  // namespace quench::deploy
