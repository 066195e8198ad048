#include "layers/multiply.h"

#include "autograd/arithmetic.h"
#include "autograd/feature_map.h"
#include "core/elementwise.h"
#include "support/error.h"

namespace quench {
namespace {

/// Whether `factor` has one number for each map of `x`.
bool per_map(const Shape& x, const Shape& factor) {
  return x.rank() == 4 && factor.rank() == 4 && factor == x.with(2, 1).with(3, 1);
}

Variable product(const std::string& name, const Variable& a, const Variable& b) {
  if (a.shape() == b.shape()) return multiply(a, b);
  if (per_map(a.shape(), b.shape())) return multiply_per_map(a, b);
  require(per_map(b.shape(), a.shape()),
          "{}: expected factors of one shape, or [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          name, a.shape().to_string(), b.shape().to_string());
  return multiply_per_map(b, a);
}

}  // namespace

Variable Multiply::combine(std::span<const Variable> inputs) {
  expect(inputs.size() == 2, "{}: expected two inputs, got {}", name(), inputs.size());
  const auto first = input_quantizer(0).codes(inputs[0].value());
  const auto second = input_quantizer(1).codes(inputs[1].value());
  if (!first || !second || first->grid.offset != 0.0f || second->grid.offset != 0.0f) {
    const auto [a, b] = quantized(inputs);
    return product(name(), a, b);
  }
  const Variable codes = product(name(), Variable(first->values), Variable(second->values));
  return Variable(multiply_scalar(codes.value(), first->grid.scale[0] * second->grid.scale[0]));
}

}  // namespace quench
