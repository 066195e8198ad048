#pragma once

#include "autograd/variable.h"

namespace quench {

/// Differentiable softmax and log_softmax over the classes of [N, C], see core/softmax.h.
Variable softmax(const Variable& x);
Variable log_softmax(const Variable& x);

}  // namespace quench
