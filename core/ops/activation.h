#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "core/tensor.h"

namespace quench {

/// Activations that clamp: relu to [0, inf), relu6 to [0, 6], hardtanh to [-1, 1].
enum class Activation : std::uint8_t { none, relu, relu6, hardtanh };

/// @throws std::invalid_argument  for an unknown name; the message lists the known ones
Activation parse_activation(std::string_view name);
/// The name that parse_activation() accepts.
std::string_view to_string(Activation activation);

/// The interval that an activation clamps to. A missing bound is NaN: every comparison with it is
/// false, so the same two comparisons serve all activations, and infinities pass an absent bound.
struct ActivationRange {
  static constexpr float kUnbounded = std::numeric_limits<float>::quiet_NaN();
  float low = kUnbounded;
  float high = kUnbounded;

  /// Written so that a NaN passes, and so that it compiles to one max and one min.
  float clamp(float x) const {
    const float raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
  /// dL/dx from `grad` = dL/dy, where `value` is either x or y; 0 on the bounds themselves. Uses
  /// `|`, not `||`: without a short circuit it takes half the instructions.
  float gate(float grad, float value) const {
    return static_cast<bool>((value <= low) | (value >= high)) ? 0.0f : grad;
  }
};
ActivationRange range_of(Activation activation);

/// Element-wise; NaN stays NaN. `none` returns `x` itself.
Tensor activate(const Tensor& x, Activation activation);
/// dL/dx from the output alone, so only the output is saved. The gradient passes strictly inside
/// the range, and where the output is NaN, so that the fault stays visible; elsewhere it is 0.
/// @throws std::invalid_argument  if the shapes differ
Tensor activate_backward(const Tensor& grad_output, const Tensor& output, Activation activation);

}  // namespace quench
