#include "quant/parts/derived_scale.h"

#include <algorithm>
#include <cmath>

#include "quant/parts/trained_map.h"

namespace quench::quant {
namespace {

struct Constants {
  float scale, slope, low, high;
};

}  // namespace

Variable quantize_with_derived_scale(const Variable& x, const Variable& trained,
                                     const std::vector<DerivedScale>& scales, CodeRange codes,
                                     const Quantizer* on) {
  std::vector<Constants> constants(scales.size());
  std::ranges::transform(scales, constants.begin(), [codes](const DerivedScale& s) {
    return Constants{s.scale, s.slope, codes.low, codes.high};
  });
  const auto forward = [](Constants c) { return NearestOnGrid{c.scale, {c.low, c.high}}; };
  const auto backward = [](float v, float g, Constants c) {
    const float quotient = v / c.scale;
    const bool number = quotient == quotient;
    const float ratio = number ? quotient : 0.0f;
    const float rounded = std::nearbyint(ratio);
    const float inside = rounded - ratio;
    const float dy_ds = rounded < c.low ? c.low : (rounded > c.high ? c.high : inside);
    const bool passes = number & (rounded >= c.low) & (rounded <= c.high);
    return ElementGradient<1>{passes ? g : 0.0f, {g * dy_ds * c.slope}};
  };
  return map_trained<1>(x, {trained}, std::move(constants), forward, backward, on);
}

}  // namespace quench::quant
