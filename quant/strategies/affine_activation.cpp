#include <array>
#include <cmath>

#include "quant/parts/range_average.h"
#include "quant/parts/trained_map.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/strategies/affine_options.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// A range averaged over batches, and the delay before it is used.
class RangeActivation : public Quantizer, Calibratable, Planned {
 public:
  RangeActivation(const SlotSpec& spec, const AffineOptions& options)
      : Quantizer(spec), options_(options), average_(options.momentum, options.zero_debias) {}

  void observe(const Tensor& x) override {
    const Extent reach = finite_batch_extent(x, slot());
    settle(reach.min, reach.max);
    average_.add(range_of(reach));
  }

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    require(ranges.size() == 1, "{}: expected 1 range, got {}", slot(), ranges.size());
    settle(static_cast<float>(ranges[0].min), static_cast<float>(ranges[0].max));
    average_.start(ranges[0]);
  }

  Planned* planned() override { return options_.quant_delay > 0.0 ? this : nullptr; }
  void begin(const TrainingPlan& plan) override {
    const double delay = options_.quant_delay;
    delay_ = std::llround(delay < 1.0 ? delay * static_cast<double>(plan.total_steps) : delay);
  }
  void step(std::int64_t step) override { steps_ = step + 1; }

  SavedState state() const override {
    SavedState state;
    average_.save(state);
    state["steps"] = state_number(static_cast<double>(steps_));
    return state;
  }
  void load_state(const SavedState& state) override {
    average_.load(state, slot());
    steps_ = static_cast<std::int64_t>(state_number(state, "steps", slot()));
  }

 protected:
  /// Chooses between a signed and an unsigned grid, if there is a choice.
  virtual void settle(float /*min*/, float /*max*/) {}
  virtual Variable fake_quantize_on(const Variable& x) {
    const QuantGrid exported = grid();
    const float scale = exported.scale[0];
    const CodeRange codes = centered_range(exported);
    return map_straight_through(x, options_.window(scale, codes, average_.value()), 1.0f,
                                NearestOnGrid{scale, codes}, this);
  }

  Variable train_forward(const Variable& x) override {
    observe(x.value());
    return steps_ < delay_ ? x : fake_quantize_on(x);
  }

  void expect_seen() const {
    expect(average_.seen(), "{}: {} has no grid before training or calibration", slot(), method());
  }
  const AffineOptions& options() const { return options_; }
  const RangeAverage& average() const { return average_; }

 private:
  AffineOptions options_;
  RangeAverage average_;
  std::int64_t delay_ = 0, steps_ = 0;
};

class AffineActivation : public RangeActivation {
 public:
  AffineActivation(const SlotSpec& spec, const AffineOptions& options, const QuantGrid& grid)
      : RangeActivation(spec, options), grid_(grid) {}

  QuantGrid grid() const override {
    expect_seen();
    QuantGrid grid = grid_;
    cover_affine(grid, 0, range());
    return grid;
  }

 protected:
  virtual ValueRange range() const { return average().value(); }

 private:
  QuantGrid grid_;
};

struct RangeConstants {
  float scale;
  CodeRange codes;
  Window window;
};

/// min and max are parameters; the average only sets their start.
class TrainedRange final : public AffineActivation {
 public:
  TrainedRange(const SlotSpec& spec, const AffineOptions& options, const QuantGrid& grid)
      : AffineActivation(spec, options, grid),
        min_(Tensor::zeros({1}), true),
        max_(Tensor::zeros({1}), true) {}

  void observe(const Tensor& x) override {
    if (started_) return;
    AffineActivation::observe(x);
    start(average().value());
  }
  void calibrate(std::span<const ValueRange> ranges) override {
    AffineActivation::calibrate(ranges);
    start(ranges[0]);
  }

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"min", min_}, {"max", max_}};
  }
  /// Keeps 0 inside the range.
  void step(std::int64_t step) override {
    AffineActivation::step(step);
    if (min_.value().item() > 0.0f) set(min_, 0.0);
    if (max_.value().item() < 0.0f) set(max_, 0.0);
  }

  SavedState state() const override {
    SavedState state = AffineActivation::state();
    state["started"] = state_number(started_ ? 1.0 : 0.0);
    return state;
  }
  void load_state(const SavedState& state) override {
    AffineActivation::load_state(state);
    started_ = state_number(state, "started", slot()) != 0.0;
  }

 protected:
  ValueRange range() const override {
    const double min = double{min_.value().item()}, max = double{max_.value().item()};
    require(std::isfinite(min) && std::isfinite(max),
            "{}: expected a finite trained range, got [{}, {}]", slot(), min, max);
    return {min, max};
  }

  Variable fake_quantize_on(const Variable& x) override {
    const QuantGrid exported = grid();
    const float scale = exported.scale[0];
    const CodeRange codes = centered_range(exported);
    const RangeConstants constants{scale, codes, options().window(scale, codes, range())};
    return map_trained<2>(
        x, {min_, max_}, std::vector{constants},
        [](RangeConstants c) {
          return NearestOnGrid{c.scale, c.codes};
        },
        [](float v, float g, RangeConstants c) {
          const bool inside = (v >= c.window.low) & (v <= c.window.high);  // false for NaN
          return ElementGradient<2>{inside ? g : 0.0f,
                                    {v < c.window.low ? g : 0.0f, v > c.window.high ? g : 0.0f}};
        },
        this);
  }

 private:
  void start(const ValueRange& range) {
    if (range.min == 0.0 && range.max == 0.0) return;
    set(min_, range.min);
    set(max_, range.max);
    started_ = true;
  }
  static void set(Variable& variable, double value) {
    variable.mutable_value().data()[0] = static_cast<float>(value);
    variable.mutable_value().bump_version();
  }

  Variable min_, max_;
  bool started_ = false;
};

class SymmetricActivation final : public RangeActivation {
 public:
  SymmetricActivation(const SlotSpec& spec, const AffineOptions& options,
                      const ActivationGrid& grid)
      : RangeActivation(spec, options), grid_(grid) {}

  QuantGrid grid() const override {
    expect_seen();
    QuantGrid grid = grid_.grid();
    cover_symmetric(grid, 0, average().value());
    return grid;
  }

  SavedState state() const override {
    SavedState state = RangeActivation::state();
    grid_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override {
    RangeActivation::load_state(state);
    grid_.load(state, slot());
  }

 protected:
  void settle(float min, float max) override { grid_.settle(min, max); }

 private:
  ActivationGrid grid_;
};

}  // namespace

std::unique_ptr<Quantizer> make_affine_activation(const SlotSpec& spec,
                                                  const AffineOptions& options,
                                                  const QuantGrid& grid) {
  if (options.train_ranges) return std::make_unique<TrainedRange>(spec, options, grid);
  return std::make_unique<AffineActivation>(spec, options, grid);
}

std::unique_ptr<Quantizer> make_symmetric_activation(const SlotSpec& spec,
                                                     const AffineOptions& options,
                                                     const ActivationGrid& grid) {
  return std::make_unique<SymmetricActivation>(spec, options, grid);
}

}  // namespace quench::quant
