#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "dsq": differentiable soft quantization (Gong et al. 2019, arXiv:1908.05033), 2 to 8 bits.
///
/// Between two neighbouring codes a tanh stands for the step, with u = x / s - floor(x / s) - 1/2:
///
///   phi(x) = s (floor(x / s) + 1/2 + tanh(k u) / (2 (1 - alpha))),  k = ln(2 / alpha - 1)
///
/// so that phi is continuous and meets the codes: alpha = 1 - tanh(k / 2). For alpha towards 0 it
/// is the hard step, for 1 the identity. The forward pass is hard, the gradient that of phi:
///
///   f(x) = s * clip(round(x / s), qmin, qmax)
///   dL/dx = g phi'(x), dL/dalpha = sum g dphi/dalpha, where s qmin <= x <= s qmax; else 0
///
/// alpha is trained (parameter "alpha"), one per scale, and stays in [0.01, 0.5]: below, phi'
/// vanishes but for a spike. The range is fixed by max|w|, or by an average over batches
/// (quant/parts/observed_quantizer.h), where the paper trains its bounds too.
///
/// Settings [quant.dsq], with their defaults:
///   alpha = 0.2         to start with; in [0.01, 0.5]
///   act_grid, momentum  as in quant/parts/observed_quantizer.h
Strategy dsq_strategy();

}  // namespace quench::quant
