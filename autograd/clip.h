#pragma once

#include "autograd/variable.h"

namespace quench {

/// clamp(x, low, high); the gradient passes on the closed window low <= x <= high and is 0 outside.
/// @throws std::invalid_argument  if low > high
Variable clip(const Variable& x, float low, float high);

/// To the nearest integer, ties to even; the straight-through gradient dL/dx = dL/dy
/// (Bengio et al. 2013, arXiv:1308.3432).
Variable round_ste(const Variable& x);

/// -1 for x < 0, else +1; the clipped straight-through gradient dL/dx = dL/dy where |x| <= window,
/// else 0 (Courbariaux et al. 2016, arXiv:1602.02830).
/// @throws std::invalid_argument  unless window > 0
Variable sign_ste(const Variable& x, float window = 1.0f);

}  // namespace quench
