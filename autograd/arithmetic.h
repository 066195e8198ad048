#pragma once

#include "autograd/variable.h"
#include "core/ops/activation.h"

namespace quench {

/// Element-wise, on two Variables of the same shape; the sum with an activation in the same pass.
/// @throws std::invalid_argument  if the shapes differ
Variable add(const Variable& a, const Variable& b, Activation activation = Activation::none);
Variable subtract(const Variable& a, const Variable& b);
Variable multiply(const Variable& a, const Variable& b);

/// The larger or smaller of two values; it receives the gradient. See core/ops/elementwise.h.
/// @throws std::invalid_argument  if the shapes differ
Variable maximum(const Variable& a, const Variable& b);
Variable minimum(const Variable& a, const Variable& b);

Variable multiply_scalar(const Variable& x, float factor);

/// Broadcast of a [C] vector over axis 1 of [N, C] or [N, C, H, W].
/// @throws std::invalid_argument  for other shapes
Variable add_per_channel(const Variable& x, const Variable& channel);
Variable multiply_per_channel(const Variable& x, const Variable& channel);

/// x [N, C, H, W] plus a constant image [1, C, H, W].
/// @throws std::invalid_argument  for other shapes
Variable add_per_place(const Variable& x, const Tensor& image);

/// out[o, ...] = weight[o, ...] * scale[o], for a weight [O, ...] and a scale [O].
/// @throws std::invalid_argument  for other shapes
Variable multiply_per_slice(const Variable& weight, const Variable& scale);

/// x [N, C, H, W] times factor [N, C, 1, 1]; the factor's gradient is summed over H and W.
/// @throws std::invalid_argument  for other shapes
Variable multiply_per_map(const Variable& x, const Variable& factor);

/// x [N, C, H, W] times a constant factor [N, 1, H, W], or x [N, C] times [N, 1].
/// @throws std::invalid_argument  for other shapes
Variable multiply_across_channels(const Variable& x, const Tensor& factor);

}  // namespace quench
