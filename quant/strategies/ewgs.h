#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "ewgs": element-wise gradient scaling (Lee et al. 2021, arXiv:2104.00903, eq. 6), 2 to 8 bits.
///
///   f(x) = s * clip(round(x / s), qmin, qmax)
///   dL/dx = g (1 + delta sign(g) r),  r = (x - f(x)) / (s qmax),  where s qmin <= x <= s qmax;
///   else 0
///
/// With delta = 0 it is the straight-through gradient. Otherwise an update grows if it moves the
/// element away from its current code, and shrinks if it moves it back. r is the rounding error
/// relative to a grid that ends at 1, as in the paper for unsigned activations. The paper maps a
/// signed range to [0, 1], where errors are half as large: its delta for weights is twice this one.
///
/// The grid comes from max|w|, or from an average over batches (quant/parts/observed_quantizer.h);
/// the paper trains its bounds and may derive delta from the Hessian; here delta is constant.
///
/// Settings [quant.ewgs], with their defaults:
///   delta = 1e-3        >= 0
///   act_grid, momentum  as in quant/parts/observed_quantizer.h
Strategy ewgs_strategy();

}  // namespace quench::quant
