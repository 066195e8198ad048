#include "quant/strategies/apot.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "quant/parts/trained_map.h"
#include "quant/statistics/moments.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/trained_clip.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr int kMaxMagnitudeBits = 5;

std::vector<std::int32_t> levels_of(int bits, bool with_sign) {
  std::vector<std::int32_t> levels = apot_levels(with_sign ? bits - 1 : bits);
  if (!with_sign) return levels;
  std::vector<std::int32_t> both;
  for (auto level = levels.rbegin(); *level != 0; ++level) both.push_back(-*level);
  both.insert(both.end(), levels.begin(), levels.end());
  return both;
}

QuantGrid grid_of(int bits, bool with_sign) {
  QuantGrid grid;
  grid.bits = bits;
  grid.levels = levels_of(bits, with_sign);
  grid.qmin = grid.levels.front();
  grid.qmax = grid.levels.back();
  return grid;
}

/// The tables live as long as the program, so that no loop or tape has to own one.
LevelTable::View table_of(int bits, bool with_sign) {
  static const auto tables = [] {
    std::map<std::pair<int, bool>, LevelTable> all;
    for (int magnitude = 1; magnitude <= kMaxMagnitudeBits; ++magnitude) {
      all.emplace(std::pair(magnitude, false), levels_of(magnitude, false));
      all.emplace(std::pair(magnitude + 1, true), levels_of(magnitude + 1, true));
    }
    return all;
  }();
  return tables.at({bits, with_sign}).view();
}

struct ApotConstants {
  float mean, scale;
  float factor;  ///< from a step's gradient to alpha's
  LevelTable::View level;
};

/// scale * level nearest to (x - mean) / scale; `masked`: the gradient of x is 0 outside.
template <bool masked>
Variable map_levels(const Variable& x, const Variable& alpha, const ApotConstants& constants,
                    const Quantizer& on) {
  return map_trained<1>(
      x, {alpha}, std::vector{constants},
      [](float v, ApotConstants c) { return c.scale * c.level((v - c.mean) / c.scale); },
      [](float v, float g, ApotConstants c) {
        const float steps = (v - c.mean) / c.scale;
        const bool inside = (steps >= c.level.low) & (steps <= c.level.high);
        const float residue = c.level(steps) - (inside ? steps : 0.0f);
        return ElementGradient<1>{(!masked | inside) ? g : 0.0f, {c.factor * (g * residue)}};
      },
      &on);
}

class ApotWeight final : public Quantizer, Limited {
 public:
  ApotWeight(const SlotSpec& spec, double alpha, bool subtract_mean)
      : Quantizer(spec),
        subtract_mean_(subtract_mean),
        grid_(grid_of(spec.bits, true)),
        alpha_(1, 1e-6f) {
    alpha_.start(std::array{alpha}, slot());
  }

  QuantGrid grid() const override {
    expect(observed_, "{}: apot has no grid until it has seen the weight", slot());
    QuantGrid grid = grid_;
    grid.scale[0] = storable_scale(deviation_ * double{alpha_.values()[0]} / grid.qmax);
    return grid;
  }

  Tensor quantize(const Tensor& x) const override {
    QuantGrid around_mean = grid();
    around_mean.offset = mean_;
    return centered_codes(x, around_mean);
  }

  void observe(const Tensor& x) override {
    const Moments found = moments(x, false, slot())[0];
    mean_ = subtract_mean_ ? static_cast<float>(found.mean) : 0.0f;
    deviation_ = found.deviation > 0.0 ? found.deviation : 1.0;
    observed_ = true;
  }

  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override { return alpha_.at_floor("alpha"); }
  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"alpha", alpha_.variable()}};
  }
  void step(std::int64_t) override { alpha_.clamp(slot()); }

 protected:
  Variable train_forward(const Variable& x) override {
    alpha_.clamp(slot());
    observe(x.value());
    return map_levels<false>(x, alpha_.variable(),
                             {mean_, grid().scale[0], static_cast<float>(deviation_ / grid_.qmax),
                              table_of(bits(), true)},
                             *this);
  }

 private:
  bool subtract_mean_;
  QuantGrid grid_;
  TrainedScale alpha_;
  float mean_ = 0.0f;
  double deviation_ = 1.0;
  bool observed_ = false;
};

class ApotActivation final : public TrainedClip {
 public:
  ApotActivation(const SlotSpec& spec, ActivationGrid grid)
      : TrainedClip(spec, 8.0, std::move(grid)) {}

  QuantGrid grid() const override {
    QuantGrid grid = grid_of(bits(), with_sign());
    grid.scale[0] = static_cast<float>(double{alpha_value()} / grid.qmax);
    return grid;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    prepare(x.value());
    const QuantGrid exported = grid();
    return map_levels<true>(x, alpha(),
                            {0.0f, exported.scale[0], static_cast<float>(1.0 / exported.qmax),
                             table_of(bits(), with_sign())},
                            *this);
  }

 private:
  bool with_sign() const { return !activation_grid().is_unsigned(); }
};

}  // namespace

std::vector<std::int32_t> apot_levels(int bits) {
  require(bits >= 1 && bits <= kMaxMagnitudeBits, "apot_levels: expected bits in 1..{}, got {}",
          kMaxMagnitudeBits, bits);
  const int full_terms = bits / 2, single = bits % 2;
  std::vector<std::int32_t> levels{0};
  std::vector<std::vector<std::int32_t>> terms(static_cast<std::size_t>(full_terms + single), {0});
  std::int32_t power = 1 << (3 * full_terms + single);
  for (int round = 0; round < 3; ++round) {
    // The extra power of an odd width comes before the last power of each full term.
    if (round == 2 && single == 1) terms.back().push_back(power /= 2);
    for (int term = 0; term < full_terms; ++term)
      terms[static_cast<std::size_t>(term)].push_back(power /= 2);
  }
  for (const std::vector<std::int32_t>& term : terms) {
    std::vector<std::int32_t> sums;
    for (const std::int32_t level : levels) {
      for (const std::int32_t choice : term) sums.push_back(level + choice);
    }
    levels = std::move(sums);
  }
  std::ranges::sort(levels);
  return levels;
}

namespace {

std::unique_ptr<Quantizer> make_apot(const SlotSpec& spec) {
  const Settings& settings = spec.settings;
  const double weight_alpha = settings.number(
      {"weight_alpha", "where the clipping of weights starts, in standard deviations"}, 3.0,
      above(0.0));
  const bool subtract_mean =
      settings.choice(
          {"normalize", "weights: subtract the mean and divide by the deviation, or divide only"},
          "mean_std", {"mean_std", "std"}) == "mean_std";
  ActivationGrid grid(settings, "auto", spec.bits);
  // Also for a weight, so that all keys are read for every slot.
  auto activation = std::make_unique<ApotActivation>(spec, std::move(grid));
  if (spec.role == Role::activation) return activation;
  return std::make_unique<ApotWeight>(spec, weight_alpha, subtract_mean);
}

}  // namespace

Strategy apot_strategy() {
  return {{.name = "apot",
           .summary = "sums of powers of two below a trained clip, normalized weights",
           .paper = "Li et al. 2020, arXiv:1909.13144",
           .weight_bits = {2, 6},
           .activation_bits = {2, 5},
           .activation_gradient = Estimator::window,
           .trains = "clip"},
          make_apot};
}

}  // namespace quench::quant
