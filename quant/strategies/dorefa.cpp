#include "quant/strategies/dorefa.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/tanh.h"
#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/bwn.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct DorefaOptions {
  bool full_gradient;
  float act_max;

  explicit DorefaOptions(const Settings& settings)
      : full_gradient(settings.choice({"max_gradient",
                                       "weights: the largest |tanh(w)| counts as a constant in the "
                                       "gradient, or is differentiated too"},
                                      "constant", {"constant", "full"}) == "full"),
        act_max(static_cast<float>(settings.number(
            {"act_max", "activations: where they are clipped"}, 1.0, above(0.0)))) {}
};

QuantGrid odd_grid(int bits) {
  const std::int32_t last = (1 << bits) - 1;
  QuantGrid grid{.bits = bits, .qmin = -last, .qmax = last};
  for (std::int32_t q = -last; q <= last; q += 2) grid.levels.push_back(q);
  return grid;
}

/// The odd integer for t = tanh(w): 2 round((2^k - 1) (t / (2 M) + 1/2)) - (2^k - 1).
struct OddCode {
  float largest;  ///< M
  float last;     ///< 2^k - 1

  float operator()(float t) const {
    const float position = last * (t / (2.0f * largest) + 0.5f);
    const float j = std::nearbyint(position);
    return 2.0f * (j < 0.0f ? 0.0f : (j > last ? last : j)) - last;
  }
};

struct DorefaWeightNode final : Node {
  Tensor t;  // saved: reading it is faster than recomputing it
  float largest;
  bool full;

  DorefaWeightNode(Tensor t_in, float largest_in, bool full_in)
      : t(std::move(t_in)), largest(largest_in), full(full_in) {}
  std::string_view name() const override { return "dorefa"; }

  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    Tensor grad = zip(grad_output, t, [scale = 1.0f / largest](float g, float v) {
      return g * scale * (1.0f - v * v);
    });
    if (full) add_gradient_of_largest(grad_output, grad);
    return {std::move(grad)};
  }

 private:
  /// y = t / M and M = |t_m|: dL/dt_m also has the term -sign(t_m) * sum(g t) / M^2.
  void add_gradient_of_largest(const Tensor& grad_output, Tensor& grad) const {
    const auto values = t.span();
    const auto at = std::ranges::max_element(values, {}, [](float v) { return std::abs(v); });
    const double peak = *at, scale = largest;
    const double sign = peak < 0.0 ? -1.0 : 1.0;
    const double through = -sign * sum(multiply(grad_output, t)) / (scale * scale);
    grad.data()[at - values.begin()] += static_cast<float>(through * (1.0 - peak * peak));
  }
};

class DorefaWeight final : public Quantizer {
 public:
  DorefaWeight(const SlotSpec& spec, const DorefaOptions& options)
      : Quantizer(spec), full_gradient_(options.full_gradient), grid_(odd_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect_observed();
    return grid_;
  }

  void observe(const Tensor& x) override {
    const float reach = finite_extents(x, false, slot())[0].max_abs;
    largest_ = reach > 0.0f ? storable_scale(std::tanh(double{reach})) : 1.0f;
    // The grid has no 0, so weights that are all 0 get the smallest scale.
    grid_.scale[0] = reach > 0.0f ? unit_scale() : storable_scale(0.0);
    observed_ = true;
  }

  Tensor quantize(const Tensor& x) const override {
    expect_observed();
    return map(x, [code = code()](float w) { return code(fast_tanh(w)); });
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    Tensor t(x.shape()), output(x.shape());
    const float* in = x.value().data();
    float *tanhs = t.data(), *out = output.data();
    parallel_for(t.numel(), kParallelGrain,
                 [=, scale = grid_.scale[0], code = code()](std::int64_t begin, std::int64_t end) {
#pragma omp simd
                   for (std::int64_t i = begin; i < end; ++i) {
                     tanhs[i] = fast_tanh(in[i]);
                     out[i] = scale * code(tanhs[i]);
                   }
                 });
    return record<DorefaWeightNode>({x}, std::move(output), std::move(t), largest_, full_gradient_);
  }

 private:
  float unit_scale() const { return static_cast<float>(1.0 / grid_.qmax); }
  OddCode code() const { return {largest_, static_cast<float>(grid_.qmax)}; }
  void expect_observed() const {
    expect(observed_, "{}: dorefa has no grid until it has seen the weight", slot());
  }

  bool full_gradient_;
  QuantGrid grid_;
  float largest_ = 1.0f;  ///< M
  bool observed_ = false;
};

class DorefaActivation final : public Quantizer {
 public:
  DorefaActivation(const SlotSpec& spec, const DorefaOptions& options)
      : Quantizer(spec), act_max_(options.act_max), grid_(unsigned_grid(spec.bits)) {
    grid_.scale[0] = storable_scale(double{act_max_} / grid_.qmax);
  }

  QuantGrid grid() const override { return grid_; }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override {
    const CodeRange range{0.0f, static_cast<float>(grid_.qmax)};
    return map_straight_through(x, {0.0f, act_max_}, 1.0f, NearestOnGrid{grid_.scale[0], range},
                                this);
  }

 private:
  float act_max_;
  QuantGrid grid_;
};

/// sign(w) mean|w|, dL/dw = dL/dy.
std::unique_ptr<Quantizer> make_binary_weight(SlotSpec spec) {
  spec.settings = Settings::from({{"gradient", "identity"}});
  return make_bwn(spec);
}

std::unique_ptr<Quantizer> make_dorefa(const SlotSpec& spec) {
  const DorefaOptions options(spec.settings);
  if (spec.role == Role::activation) return std::make_unique<DorefaActivation>(spec, options);
  if (spec.bits == 1) return make_binary_weight(spec);
  return std::make_unique<DorefaWeight>(spec, options);
}

}  // namespace

Strategy dorefa_strategy() {
  return {{.name = "dorefa",
           .summary = "tanh of the weight on odd integers, activations clipped to [0, 1]",
           .paper = "Zhou et al. 2016, arXiv:1606.06160",
           .activation_gradient = Estimator::window},
          make_dorefa};
}

}  // namespace quench::quant
