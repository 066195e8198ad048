#pragma once

#include <optional>
#include <span>

#include "core/tensor.h"

namespace quench {

// Operands of products in bfloat16: 8 significant bits, so that codes of up to 8 bits are exact.

/// Each value of an f32 tensor rounded to the nearest bfloat16, ties to even.
Tensor to_bfloat16(const Tensor& x);
/// x[n, c, ...] * scale[c], rounded once in float32 and once to bfloat16.
/// @param x      f32 [N, C] or [N, C, H, W]
/// @param scale  one, or C
/// @throws std::invalid_argument  for other shapes
Tensor to_bfloat16(const Tensor& x, std::span<const float> scale);
/// The values of a bf16 tensor in f32, exactly.
Tensor to_float32(const Tensor& x);

/// The integers q of x = scale * q as bfloat16; nothing if an element is not the float32 product of its
/// scale and an integer in [-256, 256], which are exact.
///
/// @param x      f32
/// @param scale  > 0; one, or one for each of the equal slices of x along axis 0
std::optional<Tensor> codes_to_bfloat16(const Tensor& x, std::span<const float> scale);

}  // namespace quench
