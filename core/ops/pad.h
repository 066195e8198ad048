#pragma once

#include "core/ops/window.h"
#include "core/tensor.h"

namespace quench {

/// f32 [N, C, H, W] -> [N, C, top + H + bottom, left + W + right], the padding filled with `value`.
/// @throws std::invalid_argument  for another rank or a negative padding
Tensor pad(const Tensor& x, const Padding& padding, float value = 0.0f);

/// Takes padding off again: the transpose of pad(), and so its gradient.
/// @throws std::invalid_argument  for another rank, or padding that is negative or wider than x
Tensor crop(const Tensor& x, const Padding& padding);

}  // namespace quench
