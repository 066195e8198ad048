#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace quench {

/// Joins f32 tensors along axis 0 (any rank >= 1) or along axis 1, the channels of [N, C] or
/// [N, C, H, W]. All other sizes have to agree.
/// @throws std::invalid_argument  if they do not, or for no tensors, or for another axis or rank
Tensor concat(std::span<const Tensor> parts, int axis);

/// The reverse: pieces of the given sizes along `axis`. Those of axis 0 share x's memory.
/// @throws std::invalid_argument  if the sizes are negative or do not add up, or as for concat()
std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis);

}  // namespace quench
