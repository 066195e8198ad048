#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "dsq": differentiable soft quantization (Gong et al. 2019, arXiv:1908.05033), 2 to 8 bits.
///
/// Between two adjacent codes a tanh replaces the step, with u = x / s - floor(x / s) - 1/2:
///
///   phi(x) = s (floor(x / s) + 1/2 + tanh(k u) / (2 (1 - alpha))),  k = ln(2 / alpha - 1)
///
/// so that phi is continuous and passes through the codes: alpha = 1 - tanh(k / 2). As alpha goes
/// to 0, phi becomes the hard step; at 1 it is the identity. The forward pass uses the hard step,
/// the gradient that of phi:
///
///   f(x) = s * clip(round(x / s), qmin, qmax)
///   dL/dx = g phi'(x), dL/dalpha = sum g dphi/dalpha, where s qmin <= x <= s qmax; else 0
///
/// alpha is trained (parameter "alpha"), one per scale, and stays in [0.01, 0.5]: below that, phi'
/// is 0 except for a spike. The range comes from max|w|, or from an average over batches
/// (quant/parts/observed_quantizer.h); the paper trains its bounds too.
///
/// Settings [quant.dsq], with their defaults:
///   alpha = 0.2         initial value; in [0.01, 0.5]
///   act_grid, momentum  as in quant/parts/observed_quantizer.h
Strategy dsq_strategy();

}  // namespace quench::quant
