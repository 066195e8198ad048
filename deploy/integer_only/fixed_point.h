#pragma once

#include <cstdint>

namespace quench::deploy {

// Integers instead of real numbers: what a CPU without a float unit computes (Jacob et al. 2018,
// arXiv:1712.05877, section 2.2; Jain et al. 2019, arXiv:1903.08066, for powers of two). The engine
// itself rounds in f32, as deploy/README.md has it; requantizer.h says which of these give its codes.

/// How a number between two integers is rounded: all to the nearest, but for `floor`; ties to even,
/// away from 0, or towards +inf.
enum class Rounding : std::uint8_t { half_even, half_away, half_up, floor };

/// value / 2^shift, rounded. @param shift  0 to 62
std::int64_t shift_right(std::int64_t value, int shift, Rounding rounding);
/// value / divisor, rounded. @param divisor  > 0; |value| + divisor must fit
std::int64_t divide(std::int64_t value, std::int64_t divisor, Rounding rounding);

/// A real factor, m = mantissa * 2^(exponent - 31).
struct Multiplier {
  std::int32_t mantissa = 0;  ///< 2^30 to 2^31 - 1, or 0
  int exponent = 0;           ///< -31 to 30
};

/// The mantissa is rounded to the nearest, ties away from 0; a factor below 2^-32 becomes 0.
/// @param m  0 to 2^30, without the end
/// @throws std::invalid_argument  for another m
Multiplier quantize_multiplier(double m);

/// round(sum * m), rounded once, ties towards +inf.
std::int64_t requantize(std::int32_t sum, Multiplier m);
/// The same as gemmlowp and TF-Lite have it, rounded twice: by doubling_high_multiply(), and by a
/// shift whose ties go away from 0. Differs from requantize() by at most 1.
std::int64_t requantize_twice(std::int32_t sum, Multiplier m);
/// round(a * b / 2^31), ties towards +inf; saturates where both are -2^31.
std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b);

/// A real number in units of `scale`, ties to even, saturated to 32 bits: a bias in units of its sums.
/// @param scale  > 0
std::int32_t integer_bias(double bias, double scale);

/// A residual sum as TF-Lite has it: both inputs are taken, 2^20 times as fine, to twice the larger
/// of their scales, added, and the sum to the scale of the output.
class FixedAddition {
 public:
  /// @param scale1, scale2, scale  of inputs and output, > 0
  FixedAddition(double scale1, double scale2, double scale);
  /// (a s1 + b s2) / s for two codes less their zero points, to be clamped.
  std::int64_t operator()(std::int32_t a, std::int32_t b) const;

 private:
  Multiplier first_, second_, output_;
};

}  // namespace quench::deploy
