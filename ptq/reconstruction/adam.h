#pragma once

#include <cstdint>

#include "core/ops/adam.h"

namespace quench::ptq {

/// Adam with the published constants, for one tensor that is not a parameter of the network.
class Adam {
 public:
  explicit Adam(const Shape& shape) : mean_(Tensor::zeros(shape)), square_(Tensor::zeros(shape)) {}

  void step(Tensor& value, const Tensor& grad, double lr) {
    adam_update(value, grad, mean_, square_, ++steps_, static_cast<float>(lr), {});
    value.bump_version();
  }

 private:
  Tensor mean_, square_;
  std::int64_t steps_ = 0;
};

}  // namespace quench::ptq
