#include "train/adam.h"

#include <cmath>
#include <utility>

#include "core/parallel.h"

namespace quench::train {
namespace {

/// The constants for one update of one parameter.
struct AdamStep {
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float rate;             ///< divided by 1 - beta1^t
  float root_correction;  ///< sqrt(1 - beta2^t)
  float eps;
  float coupled_decay;    ///< times w, added to the gradient
  float decoupled_decay;  ///< times w, added to the step
};

void update_range(float* __restrict w, float* __restrict m, float* __restrict v,
                  const float* __restrict g, std::int64_t count, const AdamStep& step) {
  const AdamStep s = step;  // a copy, so that the compiler knows that stores do not change it
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + s.coupled_decay * w[i];
    m[i] = s.beta1 * m[i] + s.one_minus_beta1 * gradient;
    v[i] = s.beta2 * v[i] + s.one_minus_beta2 * (gradient * gradient);
    const float direction = m[i] / (std::sqrt(v[i]) / s.root_correction + s.eps);
    // Not w * (1 - decay): rounding that factor would change the decay of all weights.
    w[i] -= s.rate * direction + s.decoupled_decay * w[i];
  }
}

}  // namespace

Adam::Adam(const OptimizerOptions& options, std::vector<layers::Parameter> parameters,
           WeightDecay decay)
    : Optimizer(options, std::move(parameters), {"mean", "mean_square"}),
      beta1_(static_cast<float>(options.beta1)),
      beta2_(static_cast<float>(options.beta2)),
      eps_(static_cast<float>(options.eps)),
      decay_(decay) {}

void Adam::update(Entry& entry, const Tensor& grad, float rate) {
  // In double: 1 - beta2^t loses five digits to cancellation in float at the first steps.
  const auto t = static_cast<double>(entry.steps);
  const double beta1 = beta1_, beta2 = beta2_;
  const bool coupled = decay_ == WeightDecay::coupled;
  const AdamStep step{
      .beta1 = beta1_,
      .one_minus_beta1 = static_cast<float>(1.0 - beta1),
      .beta2 = beta2_,
      .one_minus_beta2 = static_cast<float>(1.0 - beta2),
      .rate = static_cast<float>(rate / (1.0 - std::pow(beta1, t))),
      .root_correction = static_cast<float>(std::sqrt(1.0 - std::pow(beta2, t))),
      .eps = eps_,
      .coupled_decay = coupled ? entry.weight_decay : 0.0f,
      .decoupled_decay = coupled ? 0.0f : rate * entry.weight_decay,
  };
  float* w = entry.parameter.value.mutable_value().data();
  float* m = entry.moments[0].data();
  float* v = entry.moments[1].data();
  const float* g = grad.data();
  parallel_for(grad.numel(), kParallelGrain, [=, &step](std::int64_t begin, std::int64_t end) {
    update_range(w + begin, m + begin, v + begin, g + begin, end - begin, step);
  });
}

}  // namespace quench::train
