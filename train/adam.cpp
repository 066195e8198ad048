#include "train/adam.h"

#include <utility>

#include "core/ops/adam.h"

namespace quench::train {

Adam::Adam(const OptimizerOptions& options, std::vector<layers::Parameter> parameters,
           WeightDecay decay)
    : Optimizer(options, std::move(parameters), {"mean", "mean_square"}),
      beta1_(static_cast<float>(options.beta1)),
      beta2_(static_cast<float>(options.beta2)),
      eps_(static_cast<float>(options.eps)),
      decay_(decay) {}

void Adam::update(Entry& entry, const Tensor& grad, float rate) {
  const bool coupled = decay_ == WeightDecay::coupled;
  adam_update(entry.parameter.value.mutable_value(), grad, entry.moments[0], entry.moments[1],
              entry.steps, rate,
              {.beta1 = beta1_,
               .beta2 = beta2_,
               .eps = eps_,
               .coupled_decay = coupled ? entry.weight_decay : 0.0f,
               .decoupled_decay = coupled ? 0.0f : rate * entry.weight_decay});
}

}  // namespace quench::train
