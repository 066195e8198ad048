#include "experiments/report/plots/axis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/report/html.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

// 0.3 / 0.1 is 2.9999999999999996: a tick this close to an end belongs to the range.
constexpr double kRounding = 1e-9;

/// The number of the first multiple of `step` that is not below `low`.
double first_multiple(double low, double step) { return std::ceil(low / step - kRounding); }
double last_multiple(double high, double step) { return std::floor(high / step + kRounding); }

constexpr std::array kFactors{1.0, 2.0, 5.0};

/// n / divisor, rounded down.
int floor_div(int n, int divisor) { return n / divisor - (n % divisor < 0 ? 1 : 0); }

/// The n-th of the sequence ..., 0.5, 1, 2, 5, 10, ..., where n = 0 gives 1.
double log_tick(int n) {
  const int decade = floor_div(n, 3);
  const double factor = kFactors[static_cast<std::size_t>(n - 3 * decade)];
  // Powers of ten are exact upwards only, so 0.2 is 2 / 10 and not 2 * 0.1.
  return decade < 0 ? factor / std::pow(10.0, -decade) : factor * std::pow(10.0, decade);
}

/// "0.001", "200", "1e−5".
std::string log_label(double value) {
  const bool plain = value > 0.9e-4 && value < 1e6;
  if (plain) return short_number(value);
  const auto exponent = static_cast<int>(std::floor(std::log10(value) + kRounding));
  return fmt::format("{:.0f}e{}", value / std::pow(10.0, exponent), fixed(exponent, 0));
}

}  // namespace

double Axis::position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

double tick_step(double low, double high, int least) {
  require(std::isfinite(low) && std::isfinite(high) && low < high && least >= 1,
          "tick_step: expected finite low < high and at least one tick, got [{}, {}] and {}", low,
          high, least);
  for (int n = 3 * static_cast<int>(std::ceil(std::log10(high - low))) + 3;; --n) {
    const double step = log_tick(n);
    if (last_multiple(high, step) - first_multiple(low, step) + 1.0 >= least) return step;
  }
}

std::string tick_label(double value, double step) {
  // log10(0.001) is just above -3.
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + kRounding)));
  const bool plain = decimals <= 5 && std::abs(value) < 1e7;
  return plain ? fixed(value, decimals) : short_number(value);
}

Axis linear_axis(double low, double high, double step) {
  Axis axis{.low = low, .high = high};
  for (double n = first_multiple(low, step); n <= last_multiple(high, step); n += 1.0)
    axis.ticks.push_back({n * step, tick_label(n * step, step)});
  return axis;
}

Axis extended_axis(double low, double high, int least) {
  // A range of rounding errors would have ticks with equal labels.
  const double room = 1e-6 * std::max(std::abs(low), std::abs(high));
  if (high - low <= room) {
    const double margin = low == 0.0 && high == 0.0 ? 1.0 : 0.1 * std::abs(low);
    low -= margin;
    high += margin;
  }
  const double step = tick_step(low, high, least);
  return linear_axis(std::floor(low / step + kRounding) * step,
                     std::ceil(high / step - kRounding) * step, step);
}

Axis log_axis(double low, double high, int most) {
  require(low > 0.0 && low <= high && std::isfinite(high) && most >= 3,
          "log_axis: expected 0 < low <= high and most >= 3, got [{}, {}] and {}", low, high, most);
  int first = 3 * static_cast<int>(std::floor(std::log10(low))) - 1, last = first;
  constexpr double kFloatRounding = 1e-6;  // values may come from float32
  while (log_tick(first + 1) <= low * (1.0 + kFloatRounding)) ++first;
  while (log_tick(last) < high * (1.0 - kFloatRounding)) ++last;
  if (first == last) --first, ++last;
  int step = 1;
  const auto ticks = [&] { return floor_div(last, step) + floor_div(-first, step) + 1; };
  if (ticks() > most) {
    // Whole decades at the ends, and a tick at every k-th.
    first = 3 * floor_div(first, 3);
    last = -3 * floor_div(-last, 3);
    for (step = 3; ticks() > most;) step += 3;
  }
  Axis axis{.low = log_tick(first), .high = log_tick(last), .logarithmic = true};
  for (int n = -step * floor_div(-first, step); n <= last; n += step)
    axis.ticks.push_back({log_tick(n), log_label(log_tick(n))});
  return axis;
}

}  // namespace quench::experiments::report
