#pragma once

#include "autograd/variable.h"
#include "core/pool.h"

namespace quench {

/// Differentiable pooling; shapes, windows and errors as in core/pool.h.
Variable max_pool2d(const Variable& x, const Window2d& window);
Variable avg_pool2d(const Variable& x, const Window2d& window);
Variable global_avg_pool2d(const Variable& x);  ///< [N, C, H, W] to [N, C]

}  // namespace quench
