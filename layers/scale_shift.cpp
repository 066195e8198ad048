#include "layers/scale_shift.h"

#include <algorithm>

#include "autograd/arithmetic.h"
#include "autograd/shape_ops.h"
#include "support/error.h"

namespace quench {
namespace {

/// A number for all channels, or one for each.
Variable per_channel(const Variable& numbers, std::int64_t channels) {
  return numbers.shape() == Shape{1} ? expand(numbers, channels) : numbers;
}

}  // namespace

ScaleShift::ScaleShift(const Tensor& scale, const Tensor& shift) {
  const auto count = [](const Tensor& numbers) {
    require(!numbers.defined() || (numbers.rank() == 1 && numbers.dim(0) >= 1),
            "scale_shift: expected numbers of shape [C] or [1], got {}",
            numbers.shape().to_string());
    return numbers.defined() ? numbers.dim(0) : 0;
  };
  const auto [least, most] = std::minmax({count(scale), count(shift)});
  require(most >= 1 && (least <= 1 || least == most),
          "scale_shift: expected a scale, a shift or both, for the same channels, got {} and {} "
          "numbers",
          count(scale), count(shift));
  if (scale.defined()) scale_ = register_parameter("scale", scale.clone(), ParameterKind::norm);
  if (shift.defined()) shift_ = register_parameter("shift", shift.clone(), ParameterKind::norm);
}

Variable ScaleShift::forward(const Variable& input) {
  require(input.shape().rank() >= 2, "{}: expected [N, C] or [N, C, H, W], got {}", name(),
          input.shape().to_string());
  const std::int64_t channels = input.shape()[1];
  Variable value = input;
  if (scale_.defined()) value = multiply_per_channel(value, per_channel(scale_, channels));
  if (shift_.defined()) value = add_per_channel(value, per_channel(shift_, channels));
  return value;
}

}  // namespace quench
