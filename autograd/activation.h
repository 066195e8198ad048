#pragma once

#include "autograd/variable.h"
#include "core/ops/activation.h"
#include "core/ops/pointwise.h"
#include "core/random.h"

namespace quench {

/// Differentiable clamp, see core/ops/activation.h. The gradient is 0 on and outside the bounds.
Variable activate(const Variable& x, Activation activation);

inline Variable relu(const Variable& x) { return activate(x, Activation::relu); }
inline Variable relu6(const Variable& x) { return activate(x, Activation::relu6); }
inline Variable hardtanh(const Variable& x) { return activate(x, Activation::hardtanh); }

/// y = f(x), element-wise; dL/dx = dL/dy f'(x).
Variable apply(const Pointwise& function, const Variable& x);

/// x for x > 0, else slope[c] x; see core/ops/prelu.h. The gradient at 0 is that of x < 0.
Variable prelu(const Variable& x, const Variable& slope);

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

/// Differentiable softmax and log_softmax over the classes of [N, C], see core/ops/softmax.h.
Variable softmax(const Variable& x);
Variable log_softmax(const Variable& x);

/// Sets each element to 0 with probability p and multiplies the others by 1 / (1 - p) (Srivastava
/// et al. 2014). Element i of x, in memory order, uses word i after random.position(), which
/// advances by the number of elements.
/// @throws std::invalid_argument  unless 0 <= probability < 1
Variable dropout(const Variable& x, float probability, Random& random);

}  // namespace quench
