#pragma once

#include "core/tensor.h"

namespace quench {

/// x for x > 0, else slope[c] x, for x [N, C] or [N, C, H, W] and slope [C] (He et al. 2015,
/// arXiv:1502.01852).
/// @throws std::invalid_argument  for other shapes
Tensor prelu(const Tensor& x, const Tensor& slope);

struct PReluGradients {
  Tensor x;
  Tensor slope;  ///< [C], accumulated in double
};
/// @throws std::invalid_argument  also if the gradient's shape differs from x's
PReluGradients prelu_backward(const Tensor& grad_output, const Tensor& x, const Tensor& slope);

}  // namespace quench
