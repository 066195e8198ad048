#include "quant/strategies/dsq.h"

#include <algorithm>
#include <cmath>

#include "core/ops/tanh.h"
#include "quant/parts/observed_quantizer.h"
#include "quant/parts/trained_map.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr float kLeastAlpha = 0.01f, kMostAlpha = 0.5f;

/// phi for one scale; its constants are computed once, in double.
struct SoftStep {
  float scale;
  float k;
  float dk;    ///< dk/dalpha
  float gain;  ///< 1 / (2 (1 - alpha))
  Window window;

  SoftStep(float s, double alpha, Window passes)
      : scale(s),
        k(static_cast<float>(std::log(2.0 / alpha - 1.0))),
        dk(static_cast<float>(-2.0 / (alpha * (2.0 - alpha)))),
        gain(static_cast<float>(0.5 / (1.0 - alpha))),
        window(passes) {}
};

ElementGradient<1> soft_gradient(float x, float g, const SoftStep& step) {
  const float position = x / step.scale;
  const float u = position - std::floor(position) - 0.5f;
  const float t = fast_tanh(step.k * u);
  const float slope = step.gain * (1.0f - t * t);
  const bool inside = (x >= step.window.low) & (x <= step.window.high);
  const float passed = inside ? g : 0.0f;
  // d gain / dalpha = 2 gain^2
  const float by_alpha = step.scale * (slope * u * step.dk + 2.0f * step.gain * step.gain * t);
  return {passed * step.k * slope, {passed * by_alpha}};
}

class Dsq final : public ObservedQuantizer {
 public:
  Dsq(const SlotSpec& spec, float alpha)
      : ObservedQuantizer(spec),
        alpha_(
            Tensor::full({spec.granularity == Granularity::per_channel ? spec.channels : 1}, alpha),
            true) {}

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"alpha", alpha_}};
  }
  void step(std::int64_t) override { clamp_alpha(); }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    clamp_alpha();
    const CodeRange range = codes_range();
    const auto alphas = alpha_.value().span();
    const std::vector<float> scales = grid().scale;
    require(scales.size() == alphas.size(), "{}: expected a weight with {} channels, got {}",
            slot(), alphas.size(), scales.size());
    std::vector<SoftStep> steps;
    for (std::size_t i = 0; i < scales.size(); ++i)
      steps.emplace_back(scales[i], double{alphas[i]}, gradient_window(scales[i]));
    return map_trained<1>(
        x, {alpha_}, std::move(steps),
        [=](const SoftStep& soft) {
          return NearestOnGrid{soft.scale, range};
        },
        [](float v, float g, const SoftStep& soft) { return soft_gradient(v, g, soft); }, this);
  }

 private:
  void clamp_alpha() {
    const auto outside = [](float alpha) { return !(alpha >= kLeastAlpha && alpha <= kMostAlpha); };
    Tensor& target = alpha_.mutable_value();
    if (std::ranges::none_of(target.span(), outside)) return;
    for (float& alpha : target.span()) {
      require(!std::isnan(alpha), "{}: expected a finite trained alpha, got {}", slot(), alpha);
      alpha = std::clamp(alpha, kLeastAlpha, kMostAlpha);
    }
    target.bump_version();
  }

  Variable alpha_;
};

std::unique_ptr<Quantizer> make_dsq(const SlotSpec& spec) {
  const double alpha = spec.settings.number(
      {"alpha", "softness of the steps to start with; it is trained"}, 0.2, {0.01, 0.5});
  return std::make_unique<Dsq>(spec, static_cast<float>(alpha));
}

}  // namespace

Strategy dsq_strategy() {
  return {{.name = "dsq",
           .summary = "symmetric grid, gradient of a tanh between adjacent codes",
           .paper = "Gong et al. 2019, arXiv:1908.05033",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true,
           .trains = "tanh's alpha"},
          make_dsq};
}

}  // namespace quench::quant
