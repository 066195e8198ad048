#pragma once

#include <memory>

#include "autograd/variable.h"
#include "core/ops/conv2d.h"
#include "core/ops/pool.h"

namespace quench {

/// 2-d convolution, see PreparedConv2d: input [N, C, H, W], weight [O, C/groups, KH, KW], bias [O]
/// or undefined -> [N, O, OH, OW]. The tape keeps `prepared` alive until backward has run.
Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared);

/// input [N, I] times the transpose of weight [O, I], plus bias [O] if defined: [N, O].
/// @throws std::invalid_argument  for other shapes
Variable linear(const Variable& input, const Variable& weight, const Variable& bias = {});

/// Differentiable pooling; shapes, windows and errors as in core/ops/pool.h.
Variable max_pool2d(const Variable& x, const Window2d& window);
Variable avg_pool2d(const Variable& x, const Window2d& window);
Variable global_avg_pool2d(const Variable& x);  ///< [N, C, H, W] to [N, C]

}  // namespace quench
