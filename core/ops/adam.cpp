#include "core/ops/adam.h"

#include <cmath>

#include "core/parallel.h"

namespace quench {
namespace {

/// The constants of one update.
struct AdamStep {
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float rate;             ///< divided by 1 - beta1^t
  float root_correction;  ///< sqrt(1 - beta2^t)
  float eps;
  float coupled_decay, decoupled_decay;
};

void update_range(float* __restrict w, float* __restrict m, float* __restrict v,
                  const float* __restrict g, std::int64_t count, const AdamStep& step) {
  const AdamStep s = step;  // a copy, so that the compiler knows that no store changes it
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + s.coupled_decay * w[i];
    m[i] = s.beta1 * m[i] + s.one_minus_beta1 * gradient;
    v[i] = s.beta2 * v[i] + s.one_minus_beta2 * (gradient * gradient);
    const float direction = m[i] / (std::sqrt(v[i]) / s.root_correction + s.eps);
    // Not w * (1 - decay): rounding that factor would change the decay of all weights alike.
    w[i] -= s.rate * direction + s.decoupled_decay * w[i];
  }
}

}  // namespace

void adam_update(Tensor& w, const Tensor& grad, Tensor& mean, Tensor& mean_square, std::int64_t t,
                 float rate, const AdamOptions& options) {
  // In double: 1 - beta2^t loses five digits to cancellation in float at the first steps.
  const auto updates = static_cast<double>(t);
  const double beta1 = options.beta1, beta2 = options.beta2;
  const AdamStep step{
      .beta1 = options.beta1,
      .one_minus_beta1 = static_cast<float>(1.0 - beta1),
      .beta2 = options.beta2,
      .one_minus_beta2 = static_cast<float>(1.0 - beta2),
      .rate = static_cast<float>(rate / (1.0 - std::pow(beta1, updates))),
      .root_correction = static_cast<float>(std::sqrt(1.0 - std::pow(beta2, updates))),
      .eps = options.eps,
      .coupled_decay = options.coupled_decay,
      .decoupled_decay = options.decoupled_decay,
  };
  float* values = w.data();
  float *m = mean.data(), *v = mean_square.data();
  const float* g = grad.data();
  parallel_for(grad.numel(), kParallelGrain, [=, &step](std::int64_t begin, std::int64_t end) {
    update_range(values + begin, m + begin, v + begin, g + begin, end - begin, step);
  });
}

}  // namespace quench
