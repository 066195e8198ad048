#include "quant/strategies/fat.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "quant/parts/activation_grid.h"
#include "quant/parts/derived_scale.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/fat_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

FatLimits read_limits(const Settings& settings, const std::string& name, const std::string& what,
                      FatLimits fallback, Range accepted) {
  const FatLimits limits{
      settings.number({name + "_min", "smallest " + what}, fallback.min, accepted),
      settings.number({name + "_max", "largest " + what}, fallback.max, accepted)};
  if (limits.max < limits.min)
    settings.reject(name + "_max", fmt::format("at least {}_min = {}", name, limits.min));
  return limits;
}

struct FatOptions {
  bool symmetric;
  FatLimits alpha, shift, pointwise_limits;
  bool clamp, train_thresholds, pointwise;
  ActivationGrid activation_grid;

  // Reads all keys for every slot, so that none is reported as unknown.
  FatOptions(const Settings& settings, int bits)
      : symmetric(settings.choice(
                      {"mode", "thresholds on both sides of 0, or a range of its own for each"},
                      "symmetric", {"symmetric", "asymmetric"}) == "symmetric"),
        alpha(read_limits(settings, "alpha", "factor of a threshold, or of the width of a range",
                          {0.5, 1.0}, above(0.0))),
        shift(read_limits(settings, "shift", "shift of a range, asymmetric", {-0.2, 0.4}, {})),
        pointwise_limits(read_limits(settings, "pointwise", "factor of a weight, with pointwise",
                                     {0.75, 1.25}, above(0.0))),
        clamp(settings.boolean({"clamp", "bring factors back inside their limits after each step"},
                               false)),
        train_thresholds(settings.boolean(
            {"train_thresholds", "train the factors; false leaves thresholds as calibrated"},
            true)),
        pointwise(settings.boolean({"pointwise", "train a factor per weight"}, false)),
        activation_grid(settings, "auto", bits) {}
};

/// A trained factor, per tensor or per channel, and its limits.
struct Factor {
  std::string name;
  FatLimits limits;
  Variable value;

  Factor(std::string name_in, FatLimits limits_in, double start, const Shape& shape, bool trained)
      : name(std::move(name_in)),
        limits(limits_in),
        value(Tensor::full(shape, static_cast<float>(limits_in.clip(start))), trained) {}
  void clamp() {
    Tensor& tensor = value.mutable_value();
    const auto low = static_cast<float>(limits.min), high = static_cast<float>(limits.max);
    map_into(tensor, tensor, [=](float v) { return v < low ? low : (v > high ? high : v); });
    tensor.bump_version();
  }
  /// Values that have no gradient. Adam's moments carry a value some way beyond its limit as a rule, and
  /// from where it starts this is of no account.
  std::int64_t far_outside() const {
    const double margin = 0.1 * (limits.max - limits.min);
    return std::ranges::count_if(value.value().span(), [&](float v) {
      return double{v} < limits.min - margin || double{v} > limits.max + margin;
    });
  }
};

/// The base of both modes: the calibrated ranges, and the factors applied to them.
class Fat : public Quantizer, Calibratable, Limited {
 public:
  Fat(const SlotSpec& spec, const FatOptions& options)
      : Quantizer(spec),
        options_(options),
        ranges_(granularity() == Granularity::per_channel ? static_cast<std::size_t>(spec.channels)
                                                          : 1) {
    if (!options.pointwise || role() == Role::activation) return;
    require(spec.shape.rank() > 0,
            "{}: fat: expected the weight's shape for pointwise = true, got none", spec.slot);
    pointwise_.emplace_back("m", options.pointwise_limits, 1.0, spec.shape, true);
  }

  void observe(const Tensor& x) override {
    // The range is fixed. Still checks a weight for NaN, which has no code.
    if (started_ && role() == Role::activation) return;
    std::vector<ValueRange> ranges;
    for (const Extent& e : extents(x)) ranges.push_back(range_of(e));
    if (!started_) start(ranges);
  }
  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override { start(ranges); }
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override {
    std::vector<ValuesAtLimit> result;
    for (const std::vector<Factor>* factors : {&factors_, &pointwise_})
      for (const Factor& factor : *factors)
        if (const std::int64_t count = factor.far_outside(); count > 0)
          result.push_back(
              {factor.name + " far outside its limits", count, factor.value.value().numel()});
    return result;
  }

  Tensor quantize(const Tensor& x) const override {
    if (pointwise_.empty()) return centered_codes(x, grid());
    return centered_codes(scaled(Variable(x)).value(), grid());
  }

  std::vector<std::pair<std::string, Variable>> parameters() override {
    std::vector<std::pair<std::string, Variable>> result;
    if (options_.train_thresholds)
      for (const Factor& factor : factors_) result.emplace_back(factor.name, factor.value);
    for (const Factor& factor : pointwise_) result.emplace_back(factor.name, factor.value);
    return result;
  }
  void step(std::int64_t) override {
    if (!options_.clamp) return;
    for (Factor& factor : factors_) factor.clamp();
    for (Factor& factor : pointwise_) factor.clamp();
  }
  std::vector<std::pair<std::string, float>> metrics() const override {
    return {{"threshold_factor", factors_.back().value.value().data()[0]}};
  }

  SavedState state() const override;
  void load_state(const SavedState& state) override;

 protected:
  void add_factor(std::string name, FatLimits limits, double start) {
    factors_.emplace_back(std::move(name), limits, start,
                          Shape({static_cast<std::int64_t>(ranges_.size())}),
                          options_.train_thresholds);
  }
  const Variable& factor(std::size_t i) const { return factors_[i].value; }
  float factor_of(std::size_t i, std::size_t channel) const {
    return factors_[i].value.value().data()[channel];
  }
  const FatOptions& options() const { return options_; }
  const std::vector<ValueRange>& ranges() const { return ranges_; }

  /// The quantized tensor: x, or the scaled weight.
  Variable scaled(const Variable& x) const {
    return pointwise_.empty() ? x : fat_scale_weight(x, pointwise_[0].value, pointwise_[0].limits);
  }
  Variable prepare(const Variable& x) {
    if (!started_) observe(x.value());
    return scaled(x);
  }
  /// `unit` for all channels; the caller sets the scales.
  QuantGrid begin_grid(const QuantGrid& unit) const {
    expect(seen_, "{}: fat has no grid until it has seen {}", slot(),
           role() == Role::weight ? "the weight" : "an activation in training or calibration");
    QuantGrid grid = unit;
    grid.set_channels(ranges_.size(), granularity() == Granularity::per_channel);
    return grid;
  }

 private:
  std::vector<Extent> extents(const Tensor& x) const {
    if (role() == Role::activation) return {finite_batch_extent(x, slot())};
    return finite_extents(x, granularity() == Granularity::per_channel, slot());
  }
  void start(std::span<const ValueRange> ranges) {
    require(ranges.size() == ranges_.size(), "{}: fat: expected {} ranges or channels, got {}",
            slot(), ranges_.size(), ranges.size());
    ranges_.assign(ranges.begin(), ranges.end());
    seen_ = true;
    started_ = std::ranges::any_of(ranges, [](ValueRange r) { return r.threshold() > 0.0; });
    if (role() == Role::activation) {
      options_.activation_grid.settle(static_cast<float>(ranges[0].min),
                                      static_cast<float>(ranges[0].max));
    }
  }

  FatOptions options_;
  std::vector<ValueRange> ranges_;
  std::vector<Factor> factors_;
  std::vector<Factor> pointwise_;  // m, or empty
  bool seen_ = false;              // any values
  bool started_ = false;           // from values other than zero
};

SavedState Fat::state() const {
  Tensor packed({static_cast<std::int64_t>(ranges_.size()), 2}, DType::f64);
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    packed.data<double>()[2 * i] = ranges_[i].min;
    packed.data<double>()[2 * i + 1] = ranges_[i].max;
  }
  SavedState state{{"seen", state_number(seen_ ? 1.0 : 0.0)},
                   {"started", state_number(started_ ? 1.0 : 0.0)},
                   {"range", packed}};
  if (role() == Role::activation) options_.activation_grid.save(state);
  return state;
}

void Fat::load_state(const SavedState& state) {
  const Tensor packed = state_tensor(state, "range", slot());
  const Shape shape({static_cast<std::int64_t>(ranges_.size()), 2});
  require(packed.dtype() == DType::f64 && packed.shape() == shape,
          "{}: expected state 'range' to be f64 {}, got {} {}", slot(), shape.to_string(),
          name_of(packed.dtype()), packed.shape().to_string());
  seen_ = state_number(state, "seen", slot()) != 0.0;
  started_ = state_number(state, "started", slot()) != 0.0;
  for (std::size_t i = 0; i < ranges_.size(); ++i)
    ranges_[i] = {packed.data<double>()[2 * i], packed.data<double>()[2 * i + 1]};
  if (role() == Role::activation) options_.activation_grid.load(state, slot());
}

class FatSymmetric final : public Fat {
 public:
  FatSymmetric(const SlotSpec& spec, const FatOptions& options)
      : Fat(spec, options), weight_grid_(signed_narrow_grid(spec.bits)) {
    add_factor("alpha", options.alpha, 1.0);
  }

  QuantGrid grid() const override {
    QuantGrid grid = begin_grid(unit_grid());
    for (std::size_t i = 0; i < grid.scale.size(); ++i) grid.scale[i] = derived(i).scale;
    return grid;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    const Variable prepared = prepare(x);
    std::vector<DerivedScale> scales;
    for (std::size_t i = 0; i < ranges().size(); ++i) scales.push_back(derived(i));
    return quantize_with_derived_scale(prepared, factor(0), scales, centered_range(unit_grid()),
                                       this);
  }

 private:
  /// The grid with scale 1.
  const QuantGrid& unit_grid() const {
    return role() == Role::weight ? weight_grid_ : options().activation_grid.grid();
  }
  /// s = clip(alpha) T / qmax, and ds/dalpha.
  DerivedScale derived(std::size_t channel) const {
    const QuantGrid& unit = unit_grid();
    const double threshold = ranges()[channel].reach(unit);
    if (!(threshold > 0.0)) return {};
    const FatLimits& limits = options().alpha;
    const double alpha = double{factor_of(0, channel)}, step = threshold / unit.qmax;
    return {storable_scale(limits.clip(alpha) * step),
            static_cast<float>(limits.gate(alpha) * step)};
  }

  QuantGrid weight_grid_;
};

class FatAsymmetric final : public Fat {
 public:
  FatAsymmetric(const SlotSpec& spec, const FatOptions& options)
      : Fat(spec, options), limits_{.alpha_t = options.shift, .alpha_r = options.alpha} {
    add_factor("alpha_t", options.shift, 0.0);
    add_factor("alpha_r", options.alpha, 1.0);
  }

  QuantGrid grid() const override {
    QuantGrid grid = begin_grid(unsigned_grid(bits()));
    for (std::size_t i = 0; i < grid.scale.size(); ++i) {
      const FatRange range = adjusted(i);
      grid.scale[i] = range.scale;
      grid.zero_point[i] = -static_cast<std::int32_t>(range.first_code);
    }
    return grid;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    const Variable prepared = prepare(x);
    std::vector<FatRange> adjusted_ranges;
    for (std::size_t i = 0; i < ranges().size(); ++i) adjusted_ranges.push_back(adjusted(i));
    return fat_quantize(prepared, factor(0), factor(1), adjusted_ranges, bits(), this);
  }

 private:
  FatRange adjusted(std::size_t channel) const {
    return fat_range(ranges()[channel], factor_of(0, channel), factor_of(1, channel), limits_,
                     bits());
  }

  FatRangeLimits limits_;
};

std::unique_ptr<Quantizer> make_fat(const SlotSpec& spec) {
  const FatOptions options(spec.settings, spec.bits);
  if (options.symmetric) return std::make_unique<FatSymmetric>(spec, options);
  return std::make_unique<FatAsymmetric>(spec, options);
}

}  // namespace

Strategy fat_strategy() {
  return {
      {.name = "fat",
       .summary = "trained factor on a calibrated threshold; symmetric, or a shifted affine range",
       .paper = "Goncharenko et al. 2018, arXiv:1812.07872",
       .weight_bits = {2, 8},
       .activation_bits = {2, 8},
       .per_channel = true,
       .weight_gradient = Estimator::window,
       .activation_gradient = Estimator::window,
       .trains = "threshold factors"},
      make_fat};
}

}  // namespace quench::quant
