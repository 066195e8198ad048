#include "quant/strategies/twn.h"

#include <cmath>

#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/ternary.h"
#include "support/error.h"

namespace quench::quant {
namespace {

class Twn final : public Quantizer {
 public:
  explicit Twn(const QuantizerSpec& spec)
      : Quantizer(spec),
        exact_(spec.settings->choice("scale", "threshold", {"threshold", "exact"}) == "exact"),
        factor_(spec.settings->number("threshold_factor", 0.7, above(0.0))),
        grid_(signed_narrow_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect(!slices_.empty(), "{}: twn has no grid before it has seen the weight", slot());
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
    expect(!slices_.empty(), "{}: twn has no grid before it has seen the weight", slot());
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

std::unique_ptr<Quantizer> make_twn(const QuantizerSpec& spec) {
  return std::make_unique<Twn>(spec);
}

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
