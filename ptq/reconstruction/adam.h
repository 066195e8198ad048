#pragma once

#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor.h"

namespace quench::ptq {

/// Adam (Kingma & Ba 2015) with the published constants, for one tensor that is not a parameter of
/// the network; see train/adam.h for parameters.
class Adam {
 public:
  explicit Adam(const Shape& shape) : mean_(Tensor::zeros(shape)), square_(Tensor::zeros(shape)) {}

  void step(Tensor& value, const Tensor& grad, double lr) {
    ++steps_;
    constexpr float kMean = 0.9f, kSquare = 0.999f, kEps = 1e-8f;
    const auto count = static_cast<double>(steps_);
    const auto mean_share = static_cast<float>(1.0 / (1.0 - std::pow(0.9, count)));
    const auto square_share = static_cast<float>(1.0 / (1.0 - std::pow(0.999, count)));
    const auto rate = static_cast<float>(lr);
    float* v = value.data();
    float *m = mean_.data(), *s = square_.data();
    const float* g = grad.data();
    parallel_for(value.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        m[i] = kMean * m[i] + (1.0f - kMean) * g[i];
        s[i] = kSquare * s[i] + (1.0f - kSquare) * g[i] * g[i];
        v[i] -= rate * (m[i] * mean_share) / (std::sqrt(s[i] * square_share) + kEps);
      }
    });
    value.bump_version();
  }

 private:
  Tensor mean_, square_;
  std::int64_t steps_ = 0;
};

}  // namespace quench::ptq
