#include "quant/parts/affine_range.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/statistics/value_range.h"

namespace quench::quant {
namespace {

/// The value furthest towards `direction` (an infinity) for which x / scale rounds to `last`.
float furthest(float scale, float last, float direction) {
  const float sign = direction > 0.0f ? 1.0f : -1.0f;
  const auto inside = [=](float x) { return sign * std::nearbyint(x / scale) <= sign * last; };
  float x = (last + sign * 0.5f) * scale;
  // The product is rounded, so the exact position is an ulp or two away. Bounded, because among
  // denormals, which count as 0, the search would not end.
  constexpr int kUlps = 4;
  for (int i = 0; i < kUlps && !inside(x); ++i) x = std::nextafter(x, -direction);
  for (int i = 0; i < kUlps && inside(std::nextafter(x, direction)); ++i) {
    x = std::nextafter(x, direction);
  }
  return x;
}

}  // namespace

double round_half_away(double value) { return std::round(value); }

void cover_affine(QuantGrid& grid, std::size_t i, const ValueRange& range) {
  const double min = std::min(range.min, 0.0), max = std::max(range.max, 0.0);
  const auto lowest = static_cast<double>(grid.qmin), highest = static_cast<double>(grid.qmax);
  grid.scale[i] = 1.0f;
  double zero_point = 0.0;
  if (max > min) {
    const double scale =
        std::max((max - min) / (highest - lowest), double{std::numeric_limits<float>::min()});
    grid.scale[i] = storable_scale(scale);
    zero_point = round_half_away(lowest - min / scale);
  }
  grid.zero_point[i] = static_cast<std::int32_t>(std::clamp(zero_point, lowest, highest));
}

void cover_symmetric(QuantGrid& grid, std::size_t i, const ValueRange& range) {
  const double reach = range.reach(grid);
  grid.scale[i] = reach > 0.0 ? storable_scale(reach / grid.qmax) : 1.0f;
  grid.zero_point[i] = 0;
}

Window real_window(float scale, CodeRange codes, const ValueRange& range) {
  if (range.min == 0.0 && range.max == 0.0) return {0.0f, 0.0f};
  return {scale * codes.low, scale * codes.high};
}

Window code_window(float scale, CodeRange codes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return {furthest(scale, codes.low, -kInfinity), furthest(scale, codes.high, kInfinity)};
}

}  // namespace quench::quant
