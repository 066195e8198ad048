#include "quant/strategies/fat_range.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "quant/parts/trained_map.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {
namespace {

constexpr double kEpsilon = 1e-7;  // as in the authors' code

/// The constants of fat_quantize(): the codes, and the derivatives of y by alpha_T and alpha_R.
struct FatConstants {
  float scale, first, last;
  float inside_r;  // times round(x / scale) - x / scale
  float outside_t;
  float below_r, above_r;
};

FatConstants constants(const FatRange& range, int bits) {
  const double steps = (1 << bits) - 1;
  const double first = double{range.first_code}, last = first + steps;
  const double share = range.dwidth_dr / (range.width + kEpsilon);
  const auto end = [&](double code) {
    return static_cast<float>(range.dlow_dr - (range.low - code * double{range.scale}) * share);
  };
  return {.scale = range.scale,
          .first = range.first_code,
          .last = static_cast<float>(last),
          .inside_r = static_cast<float>(range.dwidth_dr / steps),
          .outside_t = static_cast<float>(range.dlow_dt),
          .below_r = end(first),
          .above_r = end(last)};
}

struct ScaledWeightNode final : Node {
  Saved weight, m;
  FatLimits limits;

  ScaledWeightNode(Saved weight_in, Saved m_in, FatLimits limits_in)
      : weight(std::move(weight_in)), m(std::move(m_in)), limits(limits_in) {}
  std::string_view name() const override { return "scale_weight"; }

  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const auto low = static_cast<float>(limits.min), high = static_cast<float>(limits.max);
    Tensor to_weight = zip(grad_output, m.get(), [low, high](float g, float factor) {
      return g * std::clamp(factor, low, high);
    });
    const Tensor passing = zip(grad_output, m.get(), [low, high](float g, float factor) {
      return ((factor >= low) & (factor <= high)) ? g : 0.0f;
    });
    return {std::move(to_weight), multiply(passing, weight.get())};
  }
};

}  // namespace

// fmin and fmax ignore a NaN.
double FatLimits::clip(double value) const { return std::fmax(std::fmin(value, max), min); }

FatRange fat_range(ValueRange calibrated, float alpha_t, float alpha_r,
                   const FatRangeLimits& limits, int bits) {
  FatRange range;
  const double reach = calibrated.max - calibrated.min;
  if (!(reach > 0.0)) return range;
  range.width = limits.alpha_r.clip(double{alpha_r}) * reach;
  range.dwidth_dr = limits.alpha_r.gate(double{alpha_r}) * reach;
  range.low = calibrated.min + limits.alpha_t.clip(double{alpha_t}) * reach;
  range.dlow_dt = limits.alpha_t.gate(double{alpha_t}) * reach;
  if (limits.keep_zero && (range.low > 0.0 || calibrated.min == 0.0)) {
    range.low = range.dlow_dt = 0.0;
  } else if (limits.keep_zero && range.low < -range.width) {
    range.low = -range.width;
    range.dlow_dt = 0.0;
    range.dlow_dr = -range.dwidth_dr;
  }
  const double steps = (1 << bits) - 1;
  range.scale = storable_scale((range.width + kEpsilon) / steps);
  range.first_code =
      static_cast<float>(std::nearbyint(range.low * steps / (range.width + kEpsilon)));
  return range;
}

Variable fat_quantize(const Variable& x, const Variable& alpha_t, const Variable& alpha_r,
                      std::span<const FatRange> ranges, int bits, const Quantizer* on) {
  std::vector<FatConstants> channels(ranges.size());
  std::ranges::transform(ranges, channels.begin(),
                         [bits](const FatRange& range) { return constants(range, bits); });
  const auto forward = [](FatConstants c) { return NearestOnGrid{c.scale, {c.first, c.last}}; };
  const auto backward = [](float v, float g, FatConstants c) {
    const float quotient = v / c.scale;
    const bool number = quotient == quotient;
    const float ratio = number ? quotient : 0.0f;
    const float rounded = std::nearbyint(ratio);
    const bool below = rounded<c.first, above = rounded> c.last;
    const bool outside = below | above;
    const float rest = (rounded - ratio) * c.inside_r;
    const float by_r = below ? c.below_r : (above ? c.above_r : rest);
    return ElementGradient<2>{(number & !outside) ? g : 0.0f,
                              {outside ? g * c.outside_t : 0.0f, g * by_r}};
  };
  return map_trained<2>(x, {alpha_t, alpha_r}, std::move(channels), forward, backward, on);
}

Variable fat_scale_weight(const Variable& weight, const Variable& m, FatLimits limits) {
  const auto low = static_cast<float>(limits.min), high = static_cast<float>(limits.max);
  Tensor scaled = zip(weight.value(), m.value(), [low, high](float w, float factor) {
    return w * std::clamp(factor, low, high);
  });
  return record<ScaledWeightNode>({weight, m}, std::move(scaled), Saved(weight.value()),
                                  Saved(m.value()), limits);
}

}  // namespace quench::quant
