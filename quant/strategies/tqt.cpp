#include "quant/strategies/tqt.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "quant/parts/activation_grid.h"
#include "quant/parts/derived_scale.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/moments.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/threshold_freezer.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr float kSmallest = -126.0f, kLargest = 127.0f;  // of log2 t

struct TqtOptions {
  bool three_sigma;
  bool freeze;
  FreezeOptions freezing;
  ActivationGrid activation_grid;

  // Reads all keys for every slot, so that none is reported as unknown.
  TqtOptions(const Settings& settings, int bits)
      : three_sigma(settings.choice({"init_weight",
                                     "where thresholds of weights start: |mean| + 3 standard "
                                     "deviations, or the largest weight"},
                                    "3sd", {"3sd", "max"}) == "3sd"),
        freeze(settings.boolean({"freeze", "let thresholds come to rest one by one"}, false)),
        freezing{.start = settings.integer({"freeze_start", "freeze: steps until the first may"},
                                           1000, {.min = 0}),
                 .every = settings.integer({"freeze_every", "freeze: steps between two"}, 50,
                                           {.min = 1})},
        activation_grid(settings, "auto", bits, ActivationGrid::Signed::full) {}
};

class Tqt final : public Quantizer, Calibratable, Limited, Planned {
 public:
  Tqt(const SlotSpec& spec, const TqtOptions& options)
      : Quantizer(spec),
        options_(options),
        weight_grid_(signed_full_grid(spec.bits)),
        log2_t_(Tensor::zeros({per_channel() ? spec.channels : 1}), true) {
    if (options.freeze) {
      freezing_ = std::make_shared<FreezableThresholds>(log2_t_.value().numel(), options.freezing);
    }
  }

  QuantGrid grid() const override;
  void observe(const Tensor& x) override;
  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override;
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override;

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"log2_t", log2_t_}};
  }
  Planned* planned() override { return freezing_ != nullptr ? this : nullptr; }
  void begin(const TrainingPlan& plan) override;
  void step(std::int64_t step) override;
  std::vector<std::pair<std::string, float>> metrics() const override;

  SavedState state() const override;
  void load_state(const SavedState& state) override;

 protected:
  Variable train_forward(const Variable& x) override;

 private:
  bool per_channel() const { return granularity() == Granularity::per_channel; }
  /// The grid with scale 1.
  const QuantGrid& unit_grid() const {
    return role() == Role::weight ? weight_grid_ : options_.activation_grid.grid();
  }
  float scale(float log2_t) const {
    return tqt_scale(log2_t, unit_grid().qmin == 0 ? bits() : bits() - 1);
  }
  std::vector<double> initial_thresholds(const Tensor& x);
  void start(const std::vector<double>& thresholds);

  TqtOptions options_;
  QuantGrid weight_grid_;
  Variable log2_t_;
  bool seen_ = false;                              // any values
  bool started_ = false;                           // from values other than zero
  std::shared_ptr<FreezableThresholds> freezing_;  // null: no freezing
  std::shared_ptr<ThresholdFreezer> freezer_;      // of the network
};

std::vector<double> Tqt::initial_thresholds(const Tensor& x) {
  std::vector<double> result;
  if (role() == Role::weight && options_.three_sigma) {
    for (const Moments& m : moments(x, per_channel(), slot()))
      result.push_back(std::abs(m.mean) + 3.0 * m.deviation);
    return result;
  }
  if (role() == Role::activation) {
    const Extent reach = finite_batch_extent(x, slot());
    options_.activation_grid.settle(reach.min, reach.max);
    return {range_of(reach).reach(options_.activation_grid.grid())};
  }
  for (const Extent& e : finite_extents(x, per_channel(), slot()))
    result.push_back(double{e.max_abs});
  return result;
}

void Tqt::start(const std::vector<double>& thresholds) {
  require(static_cast<std::int64_t>(thresholds.size()) == log2_t_.value().numel(),
          "{}: tqt: expected {} ranges or channels, got {}", slot(), log2_t_.value().numel(),
          thresholds.size());
  seen_ = true;
  started_ = std::ranges::any_of(thresholds, [](double t) { return t > 0.0; });
  std::ranges::transform(thresholds, log2_t_.mutable_value().data(), [](double t) {
    return t > 0.0 ? std::clamp(static_cast<float>(std::log2(t)), kSmallest, kLargest) : 0.0f;
  });
  log2_t_.mutable_value().bump_version();
}

void Tqt::observe(const Tensor& x) {
  if (!started_) return start(initial_thresholds(x));
  // The threshold is trained, not derived from the weight. Still checks for NaN, which has no code.
  if (role() == Role::weight) finite_extents(x, false, slot());
}

void Tqt::calibrate(std::span<const ValueRange> ranges) {
  std::vector<double> thresholds;
  for (const ValueRange& range : ranges) thresholds.push_back(range.threshold());
  if (role() == Role::activation && ranges.size() == 1)
    thresholds[0] = options_.activation_grid.reach_of(ranges, slot());
  start(thresholds);
}

std::vector<ValuesAtLimit> Tqt::at_limit() const {
  const auto count = std::ranges::count_if(
      log2_t_.value().span(), [](float value) { return value <= kSmallest || value >= kLargest; });
  if (count == 0) return {};
  return {{"log2_t at its limit", count, log2_t_.value().numel()}};
}

QuantGrid Tqt::grid() const {
  expect(seen_, "{}: tqt has no grid until it has seen {}", slot(),
         role() == Role::weight ? "the weight" : "an activation in training or calibration");
  QuantGrid grid = unit_grid();
  const std::span<const float> thresholds = log2_t_.value().span();
  grid.set_channels(thresholds.size(), per_channel());
  std::ranges::transform(thresholds, grid.scale.begin(), [this](float l) { return scale(l); });
  return grid;
}

Variable Tqt::train_forward(const Variable& x) {
  if (!started_) observe(x.value());
  const std::span<const float> thresholds = log2_t_.value().span();
  std::vector<DerivedScale> scales(thresholds.size());
  std::ranges::transform(thresholds, scales.begin(), [this](float log2_t) {
    const float s = scale(log2_t);
    return DerivedScale{.scale = s, .slope = s * std::numbers::ln2_v<float>};
  });
  const CodeRange codes = centered_range(unit_grid());
  // A frozen threshold gets no gradient, so that the optimizer does not move it.
  const bool trained = freezing_ == nullptr || !freezing_->all_frozen();
  return quantize_with_derived_scale(x, trained ? log2_t_ : log2_t_.detach(), scales, codes, this);
}

void Tqt::begin(const TrainingPlan& plan) {
  freezer_ = plan.network != nullptr ? plan.network->get<ThresholdFreezer>()
                                     : std::make_shared<ThresholdFreezer>();
  freezer_->add(freezing_);
}

void Tqt::step(std::int64_t step) {
  Tensor& log2_t = log2_t_.mutable_value();
  bool changed = false;
  for (float& value : log2_t.span()) {
    // NaN stays, so that the trainer can report it.
    const float inside = value < kSmallest ? kSmallest : (value > kLargest ? kLargest : value);
    changed |= inside < value || inside > value;
    value = inside;
  }
  if (freezing_ != nullptr) changed |= freezing_->restore(log2_t);
  if (changed) log2_t.bump_version();
  if (freezer_ == nullptr) return;
  if (started_) freezing_->add(log2_t, log2_t_.grad());
  freezer_->reported(step);
}

std::vector<std::pair<std::string, float>> Tqt::metrics() const {
  std::vector<std::pair<std::string, float>> result{
      {"threshold", std::exp2(std::ranges::max(log2_t_.value().span()))}};
  if (freezing_ != nullptr)
    result.emplace_back("frozen", static_cast<float>(freezing_->frozen_share()));
  return result;
}

SavedState Tqt::state() const {
  SavedState state{{"seen", state_number(seen_ ? 1.0 : 0.0)},
                   {"started", state_number(started_ ? 1.0 : 0.0)}};
  if (role() == Role::activation) options_.activation_grid.save(state);
  if (freezing_ != nullptr) freezing_->save(state);
  return state;
}

void Tqt::load_state(const SavedState& state) {
  seen_ = state_number(state, "seen", slot()) != 0.0;
  started_ = state_number(state, "started", slot()) != 0.0;
  if (role() == Role::activation) options_.activation_grid.load(state, slot());
  if (freezing_ != nullptr) freezing_->load(state, slot());
}

}  // namespace

float tqt_scale(float log2_t, int fraction_bits) {
  // fmin and fmax ignore a NaN.
  const auto exponent =
      static_cast<int>(std::fmax(std::fmin(std::ceil(log2_t), kLargest), kSmallest));
  return std::ldexp(1.0f, std::max(exponent - fraction_bits, static_cast<int>(kSmallest)));
}

namespace {

std::unique_ptr<Quantizer> make_tqt(const SlotSpec& spec) {
  return std::make_unique<Tqt>(spec, TqtOptions(spec.settings, spec.bits));
}

}  // namespace

Strategy tqt_strategy() {
  return {{.name = "tqt",
           .summary = "power-of-two scale, trained log2 threshold",
           .paper = "Jain et al. 2019, arXiv:1903.08066",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true,
           .weight_gradient = Estimator::window,
           .activation_gradient = Estimator::window,
           .trains = "log2 threshold",
           .sum_on_one_grid = true},
          make_tqt};
}

}  // namespace quench::quant
