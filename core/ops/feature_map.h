#pragma once

#include "core/tensor.h"

// One number for each feature map, that is for each channel of each image: [N, C, 1, 1].

namespace quench {

/// out[n, c, y, x] = x[n, c, y, x] * factor[n, c]: the scaling of squeeze-and-excitation (Hu et al.
/// 2018, arXiv:1709.01507, eq. 4).
/// @param x       [N, C, H, W]
/// @param factor  [N, C, 1, 1]
/// @throws std::invalid_argument  for other shapes
Tensor multiply_per_map(const Tensor& x, const Tensor& factor);

/// [N, C, H, W] -> [N, C, 1, 1], accumulated in double: the gradient of such a factor.
/// @throws std::invalid_argument  for another rank
Tensor sum_per_map(const Tensor& x);

}  // namespace quench
