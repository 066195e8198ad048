#include "quant/strategies/approx_sign.h"

#include <cmath>

#include "core/ops/elementwise.h"
#include "quant/parts/trained_map.h"

namespace quench::quant {
namespace {

struct Shift {
  float value;
};

float shifted_sign(float x, Shift shift) { return binary_code(x - shift.value); }

/// 0 outside [-1, 1], and for NaN.
float triangle(float u) {
  const float slope = 2.0f - 2.0f * std::abs(u);
  return slope > 0.0f ? slope : 0.0f;
}

/// b (2 - b u tanh(b u / 2)) / (1 + cosh(b u)), computed with t = exp(-|b u|), which does not
/// overflow.
float swish_slope(float u, float beta) {
  const float v = beta * std::abs(u);
  if (!(v < 80.0f)) return 0.0f;  // below 1e-30, or NaN
  const float t = std::exp(-v);
  const float tanh_half = (1.0f - t) / (1.0f + t);
  return beta * (2.0f - v * tanh_half) * 2.0f * t / ((1.0f + t) * (1.0f + t));
}

class ApproxSign final : public Quantizer {
 public:
  explicit ApproxSign(const SlotSpec& spec)
      : Quantizer(spec),
        swish_(spec.settings.choice({"estimator",
                                     "gradient of the sign: a triangle (Bi-Real net) or the "
                                     "derivative of SwishSign (BNN+)"},
                                    "approx_sign", {"approx_sign", "swish_sign"}) == "swish_sign"),
        beta_(static_cast<float>(
            spec.settings.number({"beta", "swish_sign: its steepness"}, 5.0, above(0.0)))),
        trained_(
            spec.settings.choice({"shift", "trained: a trained threshold per tensor (ReActNet)"},
                                 "none", {"none", "trained"}) == "trained"),
        shift_(Tensor::zeros({1}), trained_) {}

  QuantGrid grid() const override { return binary_grid(); }
  void observe(const Tensor&) override {}
  Tensor quantize(const Tensor& x) const override {
    return map(x, [shift = shift()](float v) { return shifted_sign(v, shift); });
  }
  std::vector<std::pair<std::string, Variable>> parameters() override {
    if (!trained_) return {};
    return {{"shift", shift_}};
  }

 protected:
  Variable train_forward(const Variable& x) override {
    if (swish_) {
      return estimate(x, [beta = beta_](float u) { return swish_slope(u, beta); });
    }
    return estimate(x, [](float u) { return triangle(u); });
  }

 private:
  Shift shift() const { return {shift_.value().data()[0]}; }

  /// `slope` is a lambda, not a function pointer, so that it is inlined.
  template <typename Slope>
  Variable estimate(const Variable& x, Slope slope) {
    return map_trained<1>(
        x, {shift_}, std::vector{shift()}, [](float v, Shift a) { return shifted_sign(v, a); },
        [slope](float v, float g, Shift a) {
          const float grad = g * slope(v - a.value);
          return ElementGradient<1>{grad, {-grad}};
        },
        this);
  }

  bool swish_;
  float beta_;
  bool trained_;
  Variable shift_;
};

std::unique_ptr<Quantizer> make_approx_sign(const SlotSpec& spec) {
  return std::make_unique<ApproxSign>(spec);
}

}  // namespace

Strategy approx_sign_strategy() {
  return {{.name = "approx_sign",
           .summary = "sign with a triangular gradient, or SwishSign's",
           .paper = "Liu et al. 2018, arXiv:1808.00278",
           .weight_bits = {0, 0},
           .activation_bits = {1, 1},
           .partner = "bwn"},
          make_approx_sign};
}

}  // namespace quench::quant
