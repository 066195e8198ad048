#pragma once

#include "autograd/variable.h"

namespace quench {

/// Element-wise, on two Variables of one shape.
/// @throws std::invalid_argument  if the shapes differ
Variable add(const Variable& a, const Variable& b);
Variable subtract(const Variable& a, const Variable& b);
Variable multiply(const Variable& a, const Variable& b);

Variable multiply_scalar(const Variable& x, float factor);

/// Broadcast of a [C] vector over axis 1 of [N, C] or [N, C, H, W].
/// @throws std::invalid_argument  for other shapes
Variable add_per_channel(const Variable& x, const Variable& channel);
Variable multiply_per_channel(const Variable& x, const Variable& channel);

/// out[o, ...] = weight[o, ...] * scale[o], for a weight [O, ...] and a scale [O].
/// @throws std::invalid_argument  for other shapes
Variable multiply_per_slice(const Variable& weight, const Variable& scale);

}  // namespace quench
