#include "quant/strategies/ewgs.h"

#include <cmath>

#include "quant/parts/observed_quantizer.h"
#include "quant/parts/trained_map.h"

namespace quench::quant {
namespace {

struct Step {
  float scale;
  float unit;  ///< 1 / (s qmax)
  Window window;
};

class Ewgs final : public ObservedQuantizer {
 public:
  Ewgs(const SlotSpec& spec, float delta) : ObservedQuantizer(spec), delta_(delta) {}

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const CodeRange range = codes_range();
    std::vector<Step> steps;
    for (const float scale : grid().scale) {
      steps.push_back({scale, 1.0f / (scale * range.high), gradient_window(scale)});
    }
    return map_trained<0>(
        x, {}, std::move(steps),
        [=](Step step) {
          return NearestOnGrid{step.scale, range};
        },
        [=, delta = delta_](float v, float g, Step step) {
          const float error = v - step.scale * integer_code(v, step.scale, range);
          const bool inside = (v >= step.window.low) & (v <= step.window.high);
          // g * (1 + delta * sign(g) * error)
          const float scaled = g + delta * std::abs(g) * (error * step.unit);
          return ElementGradient<0>{.x = inside ? scaled : 0.0f};
        },
        this);
  }

 private:
  float delta_;
};

std::unique_ptr<Quantizer> make_ewgs(const SlotSpec& spec) {
  const auto delta = static_cast<float>(spec.settings.number(
      {"delta", "how much gradients scale with the rounding error; 0 is straight-through"}, 1e-3,
      at_least(0.0)));
  return std::make_unique<Ewgs>(spec, delta);
}

}  // namespace

Strategy ewgs_strategy() {
  return {{.name = "ewgs",
           .summary = "symmetric grid, gradient scaled by its sign and the rounding error",
           .paper = "Lee et al. 2021, arXiv:2104.00903",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true},
          make_ewgs};
}

}  // namespace quench::quant
