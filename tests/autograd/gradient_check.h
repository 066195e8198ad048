#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "autograd/variable.h"
#include "core/random.h"

namespace quench::testing {

/// A function under test: leaves in, one Variable of any shape out. It is called many times and has
/// to give the same values each time.
using DifferentiableFunction = std::function<Variable(const std::vector<Variable>&)>;

/// Normal values with standard deviation `scale`, the same for the same seed.
inline Tensor random_tensor(Shape shape, std::uint64_t seed, float scale = 1.0f) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = scale * random.normal();
  return out;
}

/// sum_i weight[i] * x[i]: turns an output of any shape into the scalar that backward needs. Exact
/// and linear, so that it adds nothing of its own to what is checked.
struct WeightedSumNode final : Node {
  Tensor weight;

  explicit WeightedSumNode(Tensor weight_in) : weight(std::move(weight_in)) {}
  std::string_view name() const override { return "weighted_sum"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const float g = grad_output.item();
    Tensor grad(weight.shape());
    for (std::int64_t i = 0; i < weight.numel(); ++i) grad.data()[i] = g * weight.data()[i];
    return {grad};
  }
};

/// The sum in double precision, in memory order.
inline double weighted_sum(const Tensor& x, const Tensor& weight) {
  REQUIRE(x.shape() == weight.shape());
  double sum = 0.0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    sum += static_cast<double>(x.data()[i]) * static_cast<double>(weight.data()[i]);
  }
  return sum;
}

/// Gradients of sum(weight * f(inputs)) by each input, in order; undefined where none arrived.
inline std::vector<Tensor> weighted_gradients(const DifferentiableFunction& f,
                                              const std::vector<Tensor>& inputs,
                                              const Tensor& weight) {
  std::vector<Variable> leaves;
  leaves.reserve(inputs.size());
  for (const Tensor& input : inputs) leaves.emplace_back(input, true);
  const Variable y = f(leaves);
  const float sum = static_cast<float>(weighted_sum(y.value(), weight));
  record<WeightedSumNode>({y}, Tensor::scalar(sum), weight).backward();
  std::vector<Tensor> grads;
  grads.reserve(leaves.size());
  for (const Variable& leaf : leaves) grads.push_back(leaf.grad());
  return grads;
}

/// Fixed random weights for an output of that shape, away from 0 so that every element counts.
inline Tensor output_weights(Shape shape) {
  Tensor weight(shape);
  Random random(20240229, "gradient_check");
  for (float& w : weight.span())
    w = (random.below(2) == 0 ? -1.0f : 1.0f) * random.uniform(0.5f, 1.5f);
  return weight;
}

/// Checks backward against central differences, (L(x + step) - L(x - step)) / (2 step), one element
/// at a time, where L is f's output summed with fixed random weights in double. Keep inputs further
/// than `step` from kinks. For a function linear in an input a large step with a tight tolerance is
/// the sharpest check.
///
/// @param step       about 1e-2 for smooth functions: values are float32, so rounding grows as
///                   1 / step
/// @param tolerance  allowed |difference|, relative to max(1, |numeric gradient|)
inline void check_gradients(const DifferentiableFunction& f, std::vector<Tensor> inputs,
                            double step, double tolerance) {
  for (Tensor& input : inputs) input = input.clone();  // the caller's values are not to be moved
  const auto forward = [&] {
    const NoGradGuard no_grad;
    std::vector<Variable> leaves;
    leaves.reserve(inputs.size());
    for (const Tensor& input : inputs) leaves.emplace_back(input);
    return f(leaves).value();
  };
  const Tensor weight = output_weights(forward().shape());
  const std::vector<Tensor> grads = weighted_gradients(f, inputs, weight);

  for (std::size_t k = 0; k < inputs.size(); ++k) {
    CAPTURE(k);
    REQUIRE(grads[k].defined());
    REQUIRE(grads[k].shape() == inputs[k].shape());
    double worst = 0.0;
    std::string where = "nowhere";
    for (std::int64_t i = 0; i < inputs[k].numel(); ++i) {
      float& x = inputs[k].data()[i];
      const float centre = x;
      x = static_cast<float>(centre + step);
      const double high = x;
      const double loss_high = weighted_sum(forward(), weight);
      x = static_cast<float>(centre - step);
      const double low = x;
      const double loss_low = weighted_sum(forward(), weight);
      x = centre;
      // Divided by the step that float32 really took.
      const double numeric = (loss_high - loss_low) / (high - low);
      const double analytic = grads[k].data()[i];
      const double error = std::abs(analytic - numeric) / std::max(1.0, std::abs(numeric));
      if (!(error <= worst) && !std::isnan(worst)) {  // a NaN is worst and stays
        worst = error;
        where = fmt::format("element {}: backward {}, central difference {}", i, analytic, numeric);
      }
    }
    INFO("input ", k, ", worst at ", where);
    CHECK(worst <= tolerance);
  }
}

}  // namespace quench::testing
