#include "quant/strategies/twn.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/parts/trained_map.h"
#include "quant/statistics/ordered_sum.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct Above {
  double sum = 0.0;
  double count = 0.0;
};

/// The |x| above delta.
Above sum_above(const float* x, std::int64_t count, double delta) {
  const auto magnitude = [x](std::int64_t i) { return std::abs(double{x[i]}); };
  return {
      lane_sum<double>(count,
                       [=](std::int64_t i) { return magnitude(i) > delta ? magnitude(i) : 0.0; }),
      lane_sum<double>(count, [=](std::int64_t i) { return magnitude(i) > delta ? 1.0 : 0.0; })};
}

Ternary optimum(const float* w, std::int64_t count) {
  std::vector<float> sorted(w, w + count);
  for (float& value : sorted) value = std::abs(value);
  std::ranges::sort(sorted, std::greater<>());
  Ternary best;
  double sum = 0.0, greatest = 0.0;
  for (std::int64_t k = 1; k <= count; ++k) {
    sum += double{sorted[static_cast<std::size_t>(k - 1)]};
    const double gain = sum * sum / static_cast<double>(k);
    if (gain <= greatest) continue;
    greatest = gain;
    best.count = k;
    best.alpha = sum / static_cast<double>(k);
  }
  // Equal magnitudes are never split, because the gain is convex in k within a run of them.
  if (best.count < count) best.delta = double{sorted[static_cast<std::size_t>(best.count)]};
  return best;
}

}  // namespace

std::vector<Ternary> ternary_by_threshold(const Tensor& w, double factor, bool per_channel,
                                          std::string_view who) {
  const std::vector<double> means = mean_abs(w, per_channel, who);
  const Pieces pieces(w.numel(), static_cast<std::int64_t>(means.size()));
  std::vector<Above> parts(static_cast<std::size_t>(pieces.count()));
  pieces.for_each([&](std::int64_t piece) {
    parts[static_cast<std::size_t>(piece)] = sum_above(
        w.data() + pieces.begin(piece), pieces.size(piece), factor * means[pieces.channel(piece)]);
  });
  std::vector<Ternary> result(means.size());
  for (std::size_t i = 0; i < means.size(); ++i) result[i].delta = factor * means[i];
  for (std::int64_t piece = 0; piece < pieces.count(); ++piece) {
    const Above& part = parts[static_cast<std::size_t>(piece)];
    result[pieces.channel(piece)].alpha += part.sum;
    result[pieces.channel(piece)].count += static_cast<std::int64_t>(part.count);
  }
  for (Ternary& slice : result) {
    if (slice.count > 0) slice.alpha /= static_cast<double>(slice.count);
  }
  return result;
}

std::vector<Ternary> ternary_optimum(const Tensor& w, bool per_channel, std::string_view who) {
  std::vector<Ternary> result(finite_extents(w, per_channel, who).size());
  const std::int64_t slice = w.numel() / static_cast<std::int64_t>(result.size());
  for (std::size_t channel = 0; channel < result.size(); ++channel) {
    result[channel] = optimum(w.data() + static_cast<std::int64_t>(channel) * slice, slice);
  }
  return result;
}

namespace {

class Twn final : public Quantizer {
 public:
  explicit Twn(const SlotSpec& spec)
      : Quantizer(spec),
        exact_(
            spec.settings.choice(
                {"scale",
                 "threshold from the mean weight (the paper), or the one of least squared error"},
                "threshold", {"threshold", "exact"}) == "exact"),
        factor_(spec.settings.number(
            {"threshold_factor", "threshold, times the mean absolute weight"}, 0.7, above(0.0))),
        grid_(signed_narrow_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect(!slices_.empty(), "{}: twn has no grid until it has seen the weight", slot());
    return grid_;
  }

  void observe(const Tensor& w) override {
    const bool per_channel = granularity() == Granularity::per_channel;
    slices_ = exact_ ? ternary_optimum(w, per_channel, slot())
                     : ternary_by_threshold(w, factor_, per_channel, slot());
    grid_.set_channels(slices_.size(), per_channel);
    std::ranges::transform(slices_, grid_.scale.begin(), [](const Ternary& slice) {
      return slice.alpha > 0.0 ? storable_scale(slice.alpha) : 1.0f;
    });
  }

  Tensor quantize(const Tensor& w) const override {
    expect(!slices_.empty(), "{}: twn has no grid until it has seen the weight", slot());
    return write_codes(w, std::vector<float>(slices_.size(), 1.0f));
  }

 protected:
  Variable train_forward(const Variable& w) override {
    observe(w.value());
    return straight_through(w, write_codes(w.value(), grid_.scale));
  }

 private:
  /// unit[channel] * code(w)
  Tensor write_codes(const Tensor& w, const std::vector<float>& unit) const {
    Tensor out(w.shape());
    for_each_channel(w, slices_.size(),
                     [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
                       const double delta = slices_[channel].delta;
                       const float factor = unit[channel];
                       const float* from = w.data();
                       float* to = out.data();
#pragma omp simd
                       for (std::int64_t i = begin; i < end; ++i) {
                         const float signed_factor = factor * binary_code(from[i]);
                         to[i] = std::abs(double{from[i]}) > delta ? signed_factor : 0.0f;
                       }
                     });
    return out;
  }

  bool exact_;
  double factor_;
  std::vector<Ternary> slices_;
  QuantGrid grid_;
};

std::unique_ptr<Quantizer> make_twn(const SlotSpec& spec) { return std::make_unique<Twn>(spec); }

}  // namespace

Strategy twn_strategy() {
  return {{.name = "twn",
           .summary = "-1, 0, +1 by a threshold, straight-through gradient",
           .paper = "Li & Liu 2016, arXiv:1605.04711",
           .weight_bits = {2, 2},
           .activation_bits = {0, 0},
           .per_channel = true,
           .weight_gradient = Estimator::identity},
          make_twn};
}

}  // namespace quench::quant
