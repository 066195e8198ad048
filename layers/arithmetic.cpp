#include "layers/arithmetic.h"

#include <algorithm>

#include "autograd/activation.h"
#include "autograd/arithmetic.h"
#include "autograd/shape_ops.h"
#include "core/ops/elementwise.h"
#include "support/error.h"

namespace quench::layers {

Variable Add::combine(std::span<const Variable> inputs) {
  const auto [x, y] = quantized(inputs);
  return sign_ == Sign::plus ? add(x, y, activation_) : activate(subtract(x, y), activation_);
}

Variable Extremum::combine(std::span<const Variable> inputs) {
  Variable result = inputs[0];
  for (const Variable& next : inputs.subspan(1))
    result = kind_ == Kind::largest ? maximum(result, next) : minimum(result, next);
  return result;
}

namespace {

Variable product(const std::string& name, const Variable& a, const Variable& b) {
  if (a.shape() == b.shape()) return multiply(a, b);
  if (is_per_map(a.shape(), b.shape())) return multiply_per_map(a, b);
  require(is_per_map(b.shape(), a.shape()),
          "{}: expected factors of one shape, or [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          name, a.shape().to_string(), b.shape().to_string());
  return multiply_per_map(b, a);
}

}  // namespace

bool is_per_map(const Shape& x, const Shape& factor) {
  return x.rank() == 4 && factor.rank() == 4 && factor == x.with(2, 1).with(3, 1);
}

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

namespace {

/// One value for all channels, or one per channel.
Variable per_channel(const Variable& values, std::int64_t channels) {
  return values.shape() == Shape{1} ? expand(values, channels) : values;
}

}  // namespace

ScaleShift::ScaleShift(const Tensor& scale, const Tensor& shift, Values values) {
  const auto count = [](const Tensor& tensor) {
    require(!tensor.defined() || (tensor.rank() == 1 && tensor.dim(0) >= 1),
            "scale_shift: expected values of shape [C] or [1], got {}", tensor.shape().to_string());
    return tensor.defined() ? tensor.dim(0) : 0;
  };
  const auto [least, most] = std::minmax({count(scale), count(shift)});
  require(most >= 1 && (least <= 1 || least == most),
          "scale_shift: expected a scale, a shift or both, for the same channels, got {} and {} "
          "values",
          count(scale), count(shift));
  const auto variable = [&](const char* name, const Tensor& tensor) -> Variable {
    if (!tensor.defined()) return {};
    if (values == Values::constant) return Variable(tensor.clone());
    return register_parameter(name, tensor.clone(), ParameterKind::norm);
  };
  scale_ = variable("scale", scale);
  shift_ = variable("shift", shift);
}

ScaleShift::ScaleShift(const Tensor& image) : image_(image.clone()) {
  require(image.rank() == 4 && image.dim(0) == 1,
          "scale_shift: expected an image [1, C, H, W], got {}", image.shape().to_string());
}

Variable ScaleShift::forward(const Variable& input) {
  require(input.shape().rank() >= 2, "{}: expected [N, C] or [N, C, H, W], got {}", name(),
          input.shape().to_string());
  if (image_.defined()) return add_per_place(input, image_);
  const std::int64_t channels = input.shape()[1];
  Variable value = input;
  if (scale_.defined()) value = multiply_per_channel(value, per_channel(scale_, channels));
  if (shift_.defined()) value = add_per_channel(value, per_channel(shift_, channels));
  return value;
}

}  // namespace quench::layers
