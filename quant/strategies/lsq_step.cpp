#include "quant/strategies/lsq_step.h"

#include <algorithm>
#include <cmath>

#include "quant/parts/trained_map.h"
#include "quant/parts/trained_scale.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct StepConstants {
  float scale;
  CodeRange range;
  float factor;
};

template <bool closed>
Variable map_steps(const Variable& x, const Variable& scale, std::vector<StepConstants> constants,
                   const Quantizer& on) {
  return map_trained<1>(
      x, {scale}, std::move(constants),
      [](StepConstants c) {
        return NearestOnGrid{c.scale, c.range};
      },
      [](float v, float g, StepConstants c) {
        const float quotient = v / c.scale;
        const bool inside = closed ? (quotient >= c.range.low) & (quotient <= c.range.high)
                                   : (quotient > c.range.low) & (quotient < c.range.high);
        const float residue = integer_code(v, c.scale, c.range) - (inside ? quotient : 0.0f);
        return ElementGradient<1>{inside ? g : 0.0f, {c.factor * (g * residue)}};
      },
      &on);
}

class LsqWeight final : public Quantizer, Calibratable, Limited {
 public:
  LsqWeight(const SlotSpec& spec, const LsqOptions& options, FirstSteps first_steps)
      : Quantizer(spec),
        options_(options),
        first_steps_(first_steps),
        grid_(signed_full_grid(spec.bits)),
        scale_(spec.granularity == Granularity::per_channel ? spec.channels : 1) {
    grid_.set_channels(scale_.values().size(), spec.granularity == Granularity::per_channel);
  }

  QuantGrid grid() const override {
    expect(scale_.seen(), "{}: {} has no grid until it has seen the weight", slot(), method());
    QuantGrid grid = grid_;
    grid.scale = scale_.values();
    return grid;
  }

  void observe(const Tensor& x) override {
    if (scale_.started()) return;
    scale_.start(first_steps_(x, granularity() == Granularity::per_channel, grid_, slot()), slot());
  }

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    std::vector<double> steps;
    for (const ValueRange& range : ranges) steps.push_back(range.threshold() / grid_.qmax);
    scale_.start(steps, slot());
  }
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override { return scale_.at_floor("scale"); }

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"scale", scale_.variable()}};
  }
  void step(std::int64_t) override { scale_.clamp(slot()); }

  SavedState state() const override {
    SavedState state;
    scale_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override { scale_.load(state, slot()); }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    scale_.clamp(slot());
    const auto shares = static_cast<std::int64_t>(grid_.zero_point.size());
    return lsq_map(x, scale_.variable(), grid_, x.value().numel() / shares, options_, *this);
  }

 private:
  LsqOptions options_;
  FirstSteps first_steps_;
  QuantGrid grid_;
  TrainedScale scale_;
};

}  // namespace

LsqOptions::LsqOptions(const Settings& settings)
    : closed_window(settings.choice({"window",
                                     "whether the gradient passes at the ends of the grid: open "
                                     "(the paper) does not, closed does"},
                                    "open", {"open", "closed"}) == "closed"),
      scaled_gradient(
          settings.choice({"grad_scale", "scale the step's gradient by 1 / sqrt(N qmax), or not"},
                          "paper", {"paper", "none"}) == "paper") {}

float LsqOptions::gradient_factor(std::int64_t n, std::int32_t qmax) const {
  if (!scaled_gradient) return 1.0f;
  const auto count = static_cast<double>(std::max<std::int64_t>(n, 1));
  return static_cast<float>(1.0 / std::sqrt(count * qmax));
}

std::int64_t features(const Tensor& activations) {
  return activations.numel() / std::max<std::int64_t>(activations.dim(0), 1);
}

Variable lsq_map(const Variable& x, const Variable& scale, const QuantGrid& grid, std::int64_t n,
                 const LsqOptions& options, const Quantizer& on) {
  const CodeRange range = centered_range(grid);
  const float factor = options.gradient_factor(n, grid.qmax);
  std::vector<StepConstants> constants;
  for (const float value : scale.value().span()) constants.push_back({value, range, factor});
  return options.closed_window ? map_steps<true>(x, scale, std::move(constants), on)
                               : map_steps<false>(x, scale, std::move(constants), on);
}

std::unique_ptr<Quantizer> make_lsq_weight(const SlotSpec& spec, const LsqOptions& options,
                                           FirstSteps first_steps) {
  return std::make_unique<LsqWeight>(spec, options, first_steps);
}

}  // namespace quench::quant
