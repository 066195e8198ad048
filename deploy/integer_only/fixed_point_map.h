#pragma once

#include <cstdint>
#include <optional>

#include "deploy/network/step_function.h"

namespace quench::deploy {

// Requantization in integers, for CPUs without a float unit (Jacob et al. 2018, arXiv:1712.05877,
// section 2.2; Jain et al. 2019, arXiv:1903.08066, for powers of two). The engine itself rounds in
// f32 (deploy/README.md); requantizers.h selects the maps that give the same codes.

/// Rounding to an integer: `floor` rounds down, the others to the nearest with ties to even, away
/// from 0, or towards +inf.
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
/// @param m  0 to 2^30, exclusive
/// @throws std::invalid_argument  if m is outside this range
Multiplier quantize_multiplier(double m);

/// code = clamp((multiplier * sum + offset) / 2^shift, low, high), in 64 bits, without overflow.
struct FixedPointMap {
  std::int32_t multiplier = 0;  ///< negative if larger sums have smaller codes
  std::int64_t offset = 0;      ///< bias and zero point, and a half if `rounding` is floor
  int shift = 0;                ///< to the right, 0 to 62
  Rounding rounding = Rounding::floor;
  std::int32_t low = 0, high = 0;

  std::int32_t operator()(std::int64_t sum) const;
  bool operator==(const FixedPointMap&) const = default;
};

/// The map as a function of the sums begin..end.
StepFunction steps_of(const FixedPointMap& line, std::int64_t begin, std::int64_t end);

/// An exact map with multiplier 1 or -1 (power-of-two scales): a shift to the nearest, ties to
/// even, or a floor, which rounds ties up if the offset includes the half. Null if none exists.
std::optional<FixedPointMap> fit_shift(const StepFunction& codes);

/// The line that gives `codes` at every sum if one exists, else a close one.
///
/// Let t[k] be the least sum with code k or more. The line must reach k after t[k] - 1 and no later
/// than t[k], so it passes through one unit interval per k. The slope with the widest range of
/// valid offsets is that of an edge of the convex hull of the points (k, t[k]). Both are found
/// exactly; only rounding the slope to 31 bits can lose an exact line.
/// @param codes  with at least two steps
FixedPointMap fit_line(const StepFunction& codes);

/// The line derived from the scales alone (Jacob et al. 2018, section 2.2): the slope in 31 bits
/// and the offset rounded once, both in units of codes. Null if it does not fit in 64 bits.
std::optional<FixedPointMap> nominal_line(double slope, double offset, const StepFunction& codes);

}  // namespace quench::deploy
