#pragma once

#include <string>
#include <vector>

namespace quench::experiments::report {

struct Tick {
  double value = 0.0;
  std::string label;
};

/// A range of values, and the ticks in it.
struct Axis {
  double low = 0.0;
  double high = 1.0;  ///< > low
  bool logarithmic = false;
  std::vector<Tick> ticks = {};  ///< ascending

  /// 0 at `low`, 1 at `high`. On a logarithmic axis, `value` must be > 0.
  double position(double value) const;
};

/// The largest step of the form 1, 2 or 5 times a power of ten with at least `least` multiples in
/// [low, high]. @throws std::invalid_argument  unless low < high, both finite, and least >= 1
double tick_step(double low, double high, int least);

/// Labels for multiples of `step`, all with the same number of decimals and a typographic minus;
/// with an exponent if there would be more than five.
std::string tick_label(double value, double step);

/// Ticks at the multiples of `step` in [low, high].
Axis linear_axis(double low, double high, double step);

/// linear_axis() extended to whole steps, with at least `least` ticks. Equal bounds get room on both
/// sides.
Axis extended_axis(double low, double high, int least);

/// A logarithmic axis with at most `most` ticks: extended to 1, 2 or 5 times a power of ten, with
/// ticks at all of these, or to powers of ten, with a tick at every k-th.
/// @throws std::invalid_argument  unless 0 < low <= high, both finite, and most >= 3
Axis log_axis(double low, double high, int most);

}  // namespace quench::experiments::report
