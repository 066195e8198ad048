#pragma once

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

}  // namespace quench
