#pragma once

#include <cstdint>
#include <optional>

#include "deploy/integer_only/fixed_point.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {

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
