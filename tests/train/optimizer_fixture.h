#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/random.h"
#include "train/optimizer.h"

namespace quench::train {

/// Leaves `grad` as the gradient of `parameter`, as backward would.
inline void set_grad(Variable& parameter, const Tensor& grad) {
  struct Constant final : Node {
    Tensor grad;
    explicit Constant(Tensor grad_in) : grad(std::move(grad_in)) {}
    std::string_view name() const override { return "constant"; }
    std::vector<Tensor> backward(const Tensor&) const override { return {grad}; }
  };
  parameter.zero_grad();
  record<Constant>({parameter}, Tensor::scalar(0.0f), grad.clone()).backward();
}

inline Variable leaf(const std::vector<float>& values) {
  return Variable(Tensor::from_row_major<float>({static_cast<std::int64_t>(values.size())}, values),
                  true);
}

inline Tensor vector_of(const std::vector<float>& values) { return leaf(values).value(); }

inline Tensor random_tensor(Shape shape, Random& random) {
  Tensor out(shape);
  for (float& value : out.span()) value = random.normal();
  return out;
}

/// Every method with the settings that change its arithmetic.
inline const std::vector<OptimizerOptions> kMethods = {
    {.name = "sgd", .momentum = 0.0},
    {.name = "sgd", .momentum = 0.0, .weight_decay = 0.1f},
    {.name = "sgd", .momentum = 0.9f, .weight_decay = 0.1f},
    {.name = "sgd", .momentum = 0.9f, .nesterov = true, .weight_decay = 0.1f},
    {.name = "adam", .weight_decay = 0.1f},
    {.name = "adamw", .weight_decay = 0.1f},
    {.name = "adam", .beta1 = 0.5f, .beta2 = 0.9f, .eps = 1e-3f},
};

}  // namespace quench::train
