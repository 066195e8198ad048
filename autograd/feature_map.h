#pragma once

#include "autograd/variable.h"

namespace quench {

/// x [N, C, H, W] times factor [N, C, 1, 1], which thus gets the sum of its gradient over H and W.
/// @throws std::invalid_argument  for other shapes
Variable multiply_per_map(const Variable& x, const Variable& factor);

}  // namespace quench
