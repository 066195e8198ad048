#pragma once

#include "autograd/variable.h"
#include "core/random.h"

namespace quench {

/// Sets each element to 0 with probability p and multiplies the rest by 1 / (1 - p) (Srivastava et
/// al. 2014). Element i of x in memory order uses word i after random.position(), which moves on by
/// the number of elements.
/// @throws std::invalid_argument  unless 0 <= probability < 1
Variable dropout(const Variable& x, float probability, Random& random);

}  // namespace quench
