#pragma once

#include <memory>

#include "autograd/variable.h"
#include "core/conv2d.h"

namespace quench {

/// 2-d convolution, see PreparedConv2d: input [N, C, H, W], weight [O, C/groups, KH, KW], bias [O]
/// or undefined -> [N, O, OH, OW]. The tape keeps `prepared` alive until backward has passed.
Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared);

}  // namespace quench
