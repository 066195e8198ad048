#pragma once

#include <cstdint>

namespace quench::quant {

/// A(step) of eq. 6 in Liu & Mattina 2019: 0 up to `start`, 1 - ((end - step) / (end - start))^3,
/// and 1 from `end` on. Steepest at `start`, so `start` belongs where the float loss has settled.
/// @throws std::invalid_argument  unless start < end
double cubic_alpha(std::int64_t step, std::int64_t start, std::int64_t end);

/// A(step) = 1 - exp(-lambda * step), 0 for step <= 0. It never reaches 1 in exact arithmetic.
/// @throws std::invalid_argument  unless lambda > 0
double exponential_alpha(std::int64_t step, double lambda);

/// How alpha rises in the course of a run, as in algorithm 1 of Liu & Mattina 2019: it changes only
/// at the end of a step that `every` divides, and what is computed at the end of step s is in force
/// from step s + 1 on. Once at 1 it stays there.
struct AlphaSchedule {
  enum class Curve : std::uint8_t { cubic, exponential };

  Curve curve = Curve::cubic;
  std::int64_t start = 0;  ///< the last step with A = 0
  std::int64_t end = 1;    ///< the first with A = 1; the exponential curve jumps to 1 here
  std::int64_t every = 1;  ///< f, in steps
  double lambda = 0.0;     ///< of the exponential curve, per step after `start`

  /// A(step), before the staircase of `every`.
  double at(std::int64_t step) const;
  /// The alpha in force after the end of step `step`, if `alpha` was in force during it.
  double after(std::int64_t step, double alpha) const;
};

}  // namespace quench::quant
