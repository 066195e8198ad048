#pragma once

#include <span>
#include <vector>

#include "core/ops/window.h"
#include "core/tensor.h"

namespace quench {

/// Joins f32 tensors along axis 0 (any rank >= 1) or along axis 1, the channels of [N, C] or
/// [N, C, H, W]. All other sizes must match.
/// @throws std::invalid_argument  if they do not match, for no tensors, or for another axis or rank
Tensor concat(std::span<const Tensor> parts, int axis);

/// The reverse: parts of the given sizes along `axis`. Parts along axis 0 share x's memory.
/// @throws std::invalid_argument  if the sizes are negative or do not add up, or as for concat()
std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis);

/// f32 [N, C, H, W] -> [N, C, top + H + bottom, left + W + right], with `value` as padding.
/// @throws std::invalid_argument  for another rank or negative padding
Tensor pad(const Tensor& x, const Padding& padding, float value = 0.0f);

/// Removes padding: the transpose of pad(), and so its gradient.
/// @throws std::invalid_argument  for another rank, or padding that is negative or wider than x
Tensor crop(const Tensor& x, const Padding& padding);

}  // namespace quench
