#pragma once

#include <cstdint>
#include <optional>

#include "deploy/network/step_function.h"

namespace quench::deploy {

// Integers instead of real numbers: what a CPU without a float unit computes (Jacob et al. 2018,
// arXiv:1712.05877, section 2.2; Jain et al. 2019, arXiv:1903.08066, for powers of two). The engine
// itself rounds in f32, as deploy/README.md has it; requantizers.h says which of these give its codes.

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

/// code = clamp((multiplier * sum + offset) / 2^shift, low, high), in 64 bits, which it stays within.
struct FixedPointMap {
  std::int32_t multiplier = 0;  ///< negative where larger sums have smaller codes
  std::int64_t offset = 0;      ///< bias and zero point, and a half where `rounding` is floor
  int shift = 0;                ///< to the right, 0 to 62
  Rounding rounding = Rounding::floor;
  std::int32_t low = 0, high = 0;

  std::int32_t operator()(std::int64_t sum) const;
  bool operator==(const FixedPointMap&) const = default;
};

/// The map as a function of the sums begin..end.
StepFunction steps_of(const FixedPointMap& line, std::int64_t begin, std::int64_t end);

/// code + sum alone: sums shifted by 2^k to the nearest, ties to even (powers of two as scales), or
/// floored, which is the nearest with ties up where the offset holds the half. Null if none is exact.
std::optional<FixedPointMap> fit_shift(const StepFunction& codes);

/// The line that has the codes of `codes` at every sum if there is one, else one close to it.
///
/// The least sum t[k] with code k or more must lie right of where the line reaches k, and t[k] - 1
/// left of it, so the line has to pass through unit intervals, one for each k. The slope for which
/// the offsets that do so span most is that of an edge of the convex hull of the points (k, t[k]).
/// Both are found exactly; what is left to chance is that the slope is rounded to 31 bits.
/// @param codes  with at least one step
FixedPointMap fit_line(const StepFunction& codes);

/// The line that is made without a look at the codes (Jacob et al. 2018, section 2.2): the real
/// slope in 31 bits, the real offset rounded once, both in codes. Null if it does not fit 64 bits.
std::optional<FixedPointMap> nominal_line(double slope, double offset, const StepFunction& codes);

}  // namespace quench::deploy
