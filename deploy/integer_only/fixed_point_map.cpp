#include "deploy/integer_only/fixed_point_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "support/error.h"

namespace quench::deploy {
namespace {

/// Whether floor + rest / one rounds up.
bool rounds_up(std::int64_t floor, std::int64_t rest, std::int64_t one, Rounding rounding) {
  if (rounding == Rounding::floor) return false;
  const std::int64_t left = one - rest;
  if (rest != left) return rest > left;
  if (rounding == Rounding::half_up) return true;
  return rounding == Rounding::half_even ? floor % 2 != 0 : floor >= 0;
}

constexpr int kMaxShift = 53;  // a code, at most 8 bits and a sign, shifted by 53 leaves two bits
constexpr std::int64_t kMaxProduct = std::int64_t{1} << 61;

/// The least sum with this code or more. Sums are negated if codes fall, so that codes always rise.
struct Crossing {
  std::int64_t code, sum;
};

std::vector<Crossing> crossings_of(const StepFunction& codes) {
  std::vector<Crossing> result;
  const auto cross = [&](std::int32_t below, std::int32_t code, std::int64_t sum) {
    for (std::int32_t k = below + 1; k <= code; ++k) result.push_back({k, sum});
  };
  const auto& steps = codes.steps;
  if (!codes.falls()) {
    for (std::size_t i = 0; i < steps.size(); ++i)
      cross(i == 0 ? codes.first : steps[i - 1].code, steps[i].code, steps[i].from);
  } else {
    for (std::size_t i = steps.size(); i-- > 0;)
      cross(steps[i].code, i == 0 ? codes.first : steps[i - 1].code, 1 - steps[i].from);
  }
  return result;
}

struct Interval {
  std::int64_t low, high;
  bool empty() const { return low > high; }
  std::int64_t middle() const { return low + (high - low) / 2; }
};

/// The offsets for which a line reaches every code at its crossing.
Interval offsets(const std::vector<Crossing>& crossings, std::int64_t multiplier, int shift) {
  Interval result{std::numeric_limits<std::int64_t>::min(),
                  std::numeric_limits<std::int64_t>::max()};
  for (const auto& [code, sum] : crossings) {
    const std::int64_t reached = code * (std::int64_t{1} << shift);
    result.low = std::max(result.low, reached - multiplier * sum);
    result.high = std::min(result.high, reached - 1 - multiplier * (sum - 1));
  }
  return result;
}

/// codes / sums
struct Slope {
  std::int64_t codes, sums;
};

/// The spread of the crossings across lines of this slope, in sums, times slope.codes.
std::int64_t width(const std::vector<Crossing>& crossings, Slope slope) {
  std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = -low;
  for (const auto& [code, sum] : crossings) {
    const std::int64_t at = sum * slope.codes - code * slope.sums;
    low = std::min(low, at);
    high = std::max(high, at);
  }
  return high - low;
}

/// The corners of the convex hull on one side: `side` is 1 below, -1 above.
std::vector<Crossing> hull(const std::vector<Crossing>& crossings, std::int64_t side) {
  std::vector<Crossing> corners;
  for (const Crossing& next : crossings) {
    while (corners.size() >= 2) {
      const Crossing &a = corners[corners.size() - 2], &b = corners.back();
      const std::int64_t turn =
          (b.code - a.code) * (next.sum - a.sum) - (b.sum - a.sum) * (next.code - a.code);
      if (turn * side > 0) break;
      corners.pop_back();
    }
    corners.push_back(next);
  }
  return corners;
}

/// The slope with the smallest width. The width is convex and piecewise linear in sums per code,
/// with breakpoints at the slopes of the hull's edges.
Slope narrowest(const std::vector<Crossing>& crossings) {
  Slope best{crossings.back().code - crossings.front().code,
             crossings.back().sum - crossings.front().sum};
  std::int64_t best_width = width(crossings, best);
  for (const std::int64_t side : {1, -1}) {
    const std::vector<Crossing> corners = hull(crossings, side);
    for (std::size_t i = 1; i < corners.size(); ++i) {
      const Slope slope{corners[i].code - corners[i - 1].code, corners[i].sum - corners[i - 1].sum};
      if (slope.sums == 0) continue;
      const std::int64_t slope_width = width(crossings, slope);
      if (slope_width * best.codes >= best_width * slope.codes) continue;
      best = slope;
      best_width = slope_width;
    }
  }
  return best;
}

FixedPointMap make_line(const StepFunction& codes, std::int64_t multiplier, std::int64_t offset,
                        int shift, Rounding rounding = Rounding::floor) {
  const auto [low, high] = std::minmax({codes.first, codes.last()});
  return {.multiplier = static_cast<std::int32_t>(codes.falls() ? -multiplier : multiplier),
          .offset = offset,
          .shift = shift,
          .rounding = rounding,
          .low = low,
          .high = high};
}

std::int64_t largest_sum(const StepFunction& codes) {
  return std::max({std::int64_t{1}, -codes.begin, codes.end});
}

std::int64_t rounded_multiplier(Slope slope, int shift) {
  const std::int64_t numerator = slope.codes * (std::int64_t{1} << shift);
  return divide(numerator, slope.sums, Rounding::half_up);
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

std::int32_t FixedPointMap::operator()(std::int64_t sum) const {
  const std::int64_t code = shift_right(multiplier * sum + offset, shift, rounding);
  return static_cast<std::int32_t>(std::clamp(code, std::int64_t{low}, std::int64_t{high}));
}

StepFunction steps_of(const FixedPointMap& line, std::int64_t begin, std::int64_t end) {
  return find_steps([&](std::int64_t sum) { return line(sum); }, begin, end);
}

std::optional<FixedPointMap> fit_shift(const StepFunction& codes) {
  const std::vector<Crossing> crossings = crossings_of(codes);
  const Slope slope = narrowest(crossings);
  const double exponent =
      std::log2(static_cast<double>(slope.sums) / static_cast<double>(slope.codes));
  const int shift = static_cast<int>(std::lround(exponent));
  if (shift < 0) return std::nullopt;
  if (const Interval floored = offsets(crossings, 1, shift); !floored.empty())
    return make_line(codes, 1, floored.middle(), shift);
  if (shift == 0) return std::nullopt;
  // The first sum, offset included, that rounds to a code: a tie if the code is even.
  const auto first = [shift](std::int64_t code) {
    return code * (std::int64_t{1} << shift) - (std::int64_t{1} << (shift - 1)) + (code & 1);
  };
  const std::int64_t offset = first(crossings[0].code) - crossings[0].sum;
  for (const auto& [code, sum] : crossings) {
    if (first(code) - sum != offset) return std::nullopt;
  }
  return make_line(codes, 1, offset, shift, Rounding::half_even);
}

FixedPointMap fit_line(const StepFunction& codes) {
  expect(codes.steps.size() >= 2, "integer line: expected at least 2 steps, got {}",
         codes.steps.size());
  const std::vector<Crossing> crossings = crossings_of(codes);
  const Slope slope = narrowest(crossings);
  const std::int64_t most = std::min(std::int64_t{std::numeric_limits<std::int32_t>::max()} - 2,
                                     kMaxProduct / (largest_sum(codes) + 1) - 2);
  int shift = kMaxShift;
  while (shift > 0 && rounded_multiplier(slope, shift) > most) --shift;
  const std::int64_t nearest = rounded_multiplier(slope, shift);
  for (const std::int64_t change : {0, 1, -1, 2, -2}) {
    const Interval fitting = offsets(crossings, nearest + change, shift);
    if (!fitting.empty()) return make_line(codes, nearest + change, fitting.middle(), shift);
  }
  return make_line(codes, nearest, offsets(crossings, nearest, shift).middle(), shift);
}

std::optional<FixedPointMap> nominal_line(double slope, double offset, const StepFunction& codes) {
  if (!(std::abs(slope) < std::ldexp(1.0, 30))) return std::nullopt;
  const Multiplier m = quantize_multiplier(std::abs(slope));
  const int shift = 31 - m.exponent;
  const double raised = std::ldexp(offset + 0.5, shift);
  if (!(std::abs(raised) < static_cast<double>(kMaxProduct))) return std::nullopt;
  const auto [low, high] = std::minmax({codes.first, codes.last()});
  return FixedPointMap{.multiplier = slope < 0.0 ? -m.mantissa : m.mantissa,
                       .offset = std::llround(raised),
                       .shift = shift,
                       .rounding = Rounding::floor,
                       .low = low,
                       .high = high};
}

}  // namespace quench::deploy
