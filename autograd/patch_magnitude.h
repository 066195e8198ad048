#pragma once

#include "autograd/variable.h"

namespace quench {

/// x [N, C, H, W] times a constant factor [N, 1, H, W], or x [N, C] times [N, 1].
/// @throws std::invalid_argument  for other shapes
Variable multiply_across_channels(const Variable& x, const Tensor& factor);

}  // namespace quench
