#include "train/sgd.h"

#include <utility>

#include "core/parallel.h"

namespace quench::train {
namespace {

void descend(float* __restrict w, const float* __restrict g, std::int64_t count, float rate,
             float weight_decay) {
  for (std::int64_t i = 0; i < count; ++i) w[i] -= rate * (g[i] + weight_decay * w[i]);
}

template <bool kNesterov>
void descend_with_momentum(float* __restrict w, float* __restrict velocity,
                           const float* __restrict g, std::int64_t count, float rate,
                           float weight_decay, float momentum) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + weight_decay * w[i];
    const float b = momentum * velocity[i] + gradient;
    velocity[i] = b;
    w[i] -= rate * (kNesterov ? gradient + momentum * b : b);
  }
}

std::vector<std::string_view> moments_for(float momentum) {
  if (momentum > 0.0f) return {"velocity"};
  return {};
}

}  // namespace

Sgd::Sgd(const OptimizerOptions& options, std::vector<layers::Parameter> parameters)
    : Optimizer(options, std::move(parameters), moments_for(static_cast<float>(options.momentum))),
      momentum_(static_cast<float>(options.momentum)),
      nesterov_(options.nesterov) {}

void Sgd::update(Entry& entry, const Tensor& grad, float rate) {
  float* w = entry.parameter.value.mutable_value().data();
  float* velocity = entry.moments.empty() ? nullptr : entry.moments.front().data();
  const float* g = grad.data();
  parallel_for(grad.numel(), kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    if (velocity == nullptr) {
      descend(w + begin, g + begin, count, rate, entry.weight_decay);
    } else if (nesterov_) {
      descend_with_momentum<true>(w + begin, velocity + begin, g + begin, count, rate,
                                  entry.weight_decay, momentum_);
    } else {
      descend_with_momentum<false>(w + begin, velocity + begin, g + begin, count, rate,
                                   entry.weight_decay, momentum_);
    }
  });
}

}  // namespace quench::train
