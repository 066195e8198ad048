#pragma once

#include "autograd/variable.h"
#include "core/pointwise.h"

namespace quench {

/// y = f(x), element-wise; dL/dx = dL/dy f'(x).
Variable apply(const Pointwise& function, const Variable& x);

}  // namespace quench
