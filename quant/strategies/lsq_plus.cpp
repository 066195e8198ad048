#include "quant/strategies/lsq_plus.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/communicator.h"
#include "quant/parts/trained_map.h"
#include "quant/parts/trained_scale.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/moments.h"
#include "quant/strategies/lsq_step.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr std::int64_t kSamples = 65536;
constexpr int kTurns = 10;

struct Turn {
  double error;      ///< of the input grid
  AffineFit fitted;  ///< the regression on its codes
};

Turn turn(const std::vector<double>& x, const AffineFit& grid, std::int32_t qmax) {
  std::array<double, 6> sums{0.0, 0.0, 0.0, 0.0, 0.0, static_cast<double>(x.size())};
  auto& [error, q_sum, qq_sum, x_sum, qx_sum, count] = sums;
  for (const double value : x) {
    const double q = std::clamp(std::nearbyint((value - grid.offset) / grid.scale), 0.0,
                                static_cast<double>(qmax));
    const double difference = grid.offset + grid.scale * q - value;
    error += difference * difference;
    q_sum += q;
    qq_sum += q * q;
    x_sum += value;
    qx_sum += q * value;
  }
  communicator().sum(sums);
  const double spread = count * qq_sum - q_sum * q_sum;
  const double scale = spread > 0.0 ? (count * qx_sum - q_sum * x_sum) / spread : 0.0;
  // All values have the same code: no line can be fitted.
  if (!(scale > 0.0)) return {error, grid};
  return {error, {scale, (x_sum - scale * q_sum) / count}};
}

}  // namespace

AffineFit cover_range(double min, double max, std::int32_t qmax) {
  return {(max - min) / qmax, min};
}

AffineFit least_squares_grid(std::span<const float> x, double min, double max, std::int32_t qmax) {
  const auto own = static_cast<std::int64_t>(x.size());
  const BatchPlace batch(own);
  const std::int64_t stride = (batch.size + kSamples - 1) / kSamples;
  std::vector<double> samples;
  for (std::int64_t i = batch.first_multiple(stride); i < own; i += stride)
    samples.push_back(x[static_cast<std::size_t>(i)]);

  AffineFit best = cover_range(min, max, qmax);
  double least = std::numeric_limits<double>::infinity();
  // The iteration finds only the nearest minimum, which is poor when it starts from a long-tailed
  // range.
  for (const double shrink : {1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1}) {
    AffineFit grid = cover_range(shrink * min, shrink * max, qmax);
    for (int i = 0; i <= kTurns; ++i) {
      const Turn next = turn(samples, grid, qmax);
      if (next.error < least) {
        least = next.error;
        best = grid;
      }
      grid = next.fitted;
    }
  }
  return best;
}

namespace {

std::vector<double> three_sigma_steps(const Tensor& x, bool per_channel, const QuantGrid& grid,
                                      std::string_view slot) {
  std::vector<double> steps;
  for (const auto& [mean, deviation] : moments(x, per_channel, slot))
    steps.push_back((std::abs(mean) + 3.0 * deviation) / -grid.qmin);
  return steps;
}

struct OffsetConstants {
  float scale, offset;
  CodeRange range;
  float factor;
};

template <bool closed>
Variable map_offset(const Variable& x, const std::array<Variable, 2>& scale_and_beta,
                    const OffsetConstants& constants, const Quantizer& on) {
  return map_trained<2>(
      x, scale_and_beta, std::vector{constants},
      [](float v, OffsetConstants c) {
        return c.scale * integer_code(v - c.offset, c.scale, c.range) + c.offset;
      },
      [](float v, float g, OffsetConstants c) {
        const float quotient = (v - c.offset) / c.scale;
        const bool inside = closed ? (quotient >= c.range.low) & (quotient <= c.range.high)
                                   : (quotient > c.range.low) & (quotient < c.range.high);
        const float residue =
            integer_code(v - c.offset, c.scale, c.range) - (inside ? quotient : 0.0f);
        const bool clipped = !inside & (quotient == quotient);  // false for NaN
        return ElementGradient<2>{inside ? g : 0.0f,
                                  {c.factor * (g * residue), clipped ? c.factor * g : 0.0f}};
      },
      &on);
}

class LsqPlusActivation final : public Quantizer, Calibratable, Limited {
 public:
  LsqPlusActivation(const SlotSpec& spec, const LsqOptions& options, bool least_squares)
      : Quantizer(spec),
        options_(options),
        least_squares_(least_squares),
        grid_(unsigned_grid(spec.bits)),
        scale_(1),
        beta_(Tensor::zeros({1}), true) {}

  QuantGrid grid() const override {
    expect(scale_.seen(), "{}: lsq_plus has no grid before training or calibration", slot());
    QuantGrid grid = grid_;
    grid.scale = scale_.values();
    grid.offset = beta_.value().item();
    return grid;
  }

  void observe(const Tensor& x) override {
    if (scale_.started()) return;
    const Extent reach = finite_batch_extent(x, slot());
    if (reach.max_abs == 0.0f) return scale_.note_zeros();
    start(least_squares_ ? least_squares_grid(x.span(), reach.min, reach.max, grid_.qmax)
                         : cover_range(reach.min, reach.max, grid_.qmax));
  }

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    require(ranges.size() == 1, "{}: expected 1 range, got {}", slot(), ranges.size());
    start(cover_range(ranges[0].min, ranges[0].max, grid_.qmax));
  }
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override { return scale_.at_floor("scale"); }

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"scale", scale_.variable()}, {"beta", beta_}};
  }
  void step(std::int64_t) override { check_trained(); }

  SavedState state() const override {
    SavedState state;
    scale_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override { scale_.load(state, slot()); }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    check_trained();
    const OffsetConstants constants{scale_.values()[0],
                                    beta_.value().item(),
                                    {0.0f, static_cast<float>(grid_.qmax)},
                                    options_.gradient_factor(features(x.value()), grid_.qmax)};
    const std::array trained{scale_.variable(), beta_};
    return options_.closed_window ? map_offset<true>(x, trained, constants, *this)
                                  : map_offset<false>(x, trained, constants, *this);
  }

 private:
  void start(const AffineFit& fit) {
    scale_.start(std::array{fit.scale}, slot());
    beta_.mutable_value().data()[0] = static_cast<float>(fit.offset);
    beta_.mutable_value().bump_version();
  }

  void check_trained() {
    scale_.clamp(slot());
    const float beta = beta_.value().item();
    require(std::isfinite(beta), "{}: expected a finite beta, got {}", slot(), beta);
  }

  LsqOptions options_;
  bool least_squares_;
  QuantGrid grid_;
  TrainedScale scale_;
  Variable beta_;
};

std::unique_ptr<Quantizer> make_lsq_plus(const SlotSpec& spec) {
  const LsqOptions options(spec.settings);
  const bool least_squares = spec.settings.choice({"init",
                                                   "scale and offset of activations start with the "
                                                   "least squared error, or cover the first batch"},
                                                  "mse", {"mse", "minmax"}) == "mse";
  if (spec.role == Role::weight) return make_lsq_weight(spec, options, three_sigma_steps);
  return std::make_unique<LsqPlusActivation>(spec, options, least_squares);
}

}  // namespace

Strategy lsq_plus_strategy() {
  return {{.name = "lsq_plus",
           .summary = "trained step size, and a trained offset for activations",
           .paper = "Bhalgat et al. 2020, arXiv:2004.09576",
           .weight_bits = {2, 8},
           .per_channel = true,
           .weight_gradient = Estimator::window,
           .activation_gradient = Estimator::window,
           .trains = "step, offset"},
          make_lsq_plus};
}

}  // namespace quench::quant
