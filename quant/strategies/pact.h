#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "pact": parameterized clipping activation (Choi et al. 2018, arXiv:1805.06085). Activations
/// only, 1 to 8 bits. It replaces a ReLU, so negative values become 0.
///
///   f(x) = s * round(clip(x, 0, alpha) / s), s = alpha / (2^b - 1), alpha trained
///   dL/dx     = g where 0 <= x < alpha, else 0
///   dL/dalpha = sum of g where x >= alpha, + 2 lambda alpha from the penalty lambda alpha^2
///
/// Settings [quant.pact], with their defaults:
///   alpha = 10.0          initial value; > 0
///   init = "constant"     or "max": alpha starts at the first batch's maximum
///   alpha_decay = 1e-4    lambda, per training pass; >= 0
Strategy pact_strategy();

}  // namespace quench::quant
