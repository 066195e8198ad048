#pragma once

#include "autograd/variable.h"
#include "core/activation.h"

namespace quench {

/// Differentiable clamp, see core/activation.h. The gradient is 0 on and outside the bounds.
Variable activate(const Variable& x, Activation activation);

inline Variable relu(const Variable& x) { return activate(x, Activation::relu); }
inline Variable relu6(const Variable& x) { return activate(x, Activation::relu6); }
inline Variable hardtanh(const Variable& x) { return activate(x, Activation::hardtanh); }

}  // namespace quench
