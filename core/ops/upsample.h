#pragma once

#include <array>

#include "core/tensor.h"

namespace quench {

/// Repeats each pixel of [N, C, H, W] as a block of factor[0] rows and factor[1] columns.
/// @throws std::invalid_argument  for another rank, or factors below 1
Tensor upsample(const Tensor& x, std::array<int, 2> factor);

/// The sum of each block, accumulated in double.
/// @throws std::invalid_argument  also if the factors do not divide the sizes
Tensor upsample_backward(const Tensor& grad_output, std::array<int, 2> factor);

}  // namespace quench
