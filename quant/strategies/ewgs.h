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
/// With delta = 0 it is the straight-through gradient. Otherwise a step grows where it leads away
/// from the code that the element is about to leave, and shrinks where it leads back. r is the
/// rounding error where the grid ends at 1: the paper's for unsigned activations. The paper puts a
/// signed range on [0, 1], where errors are half as large: its delta for weights is twice this one.
///
/// The grid is fixed by max|w|, or by an average over batches (quant/parts/observed_quantizer.h); the
/// paper trains its bounds and may derive delta from the Hessian, where this one is a constant.
///
/// Settings [quant.ewgs], with their defaults:
///   delta = 1e-3        >= 0
///   act_grid, momentum  as in quant/parts/observed_quantizer.h
Strategy ewgs_strategy();

}  // namespace quench::quant
