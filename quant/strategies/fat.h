#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "fat": calibrated thresholds, adjusted by trained factors (Goncharenko et al. 2018,
/// arXiv:1812.07872), 2 to 8 bits. The factors are per tensor, or per filter ("vector" in the
/// paper).
///
/// symmetric, with T = max|x|:
///
///   T_adj = clip(alpha, alpha_min, alpha_max) T,  s = T_adj / qmax
///   f(x) = s clip(round(x / s), qmin, qmax)
///   dL/dx = dL/dy where qmin <= round(x / s) <= qmax, else 0
///   dL/dT_adj = sum dL/dy ((y - x) / T_adj inside, 1 above, -1 below or 0 if unsigned)
///   dL/dalpha = T dL/dT_adj where alpha_min <= alpha <= alpha_max, else 0
///
/// asymmetric, with [T_l, T_r] the range of x: quant/strategies/fat_range.h. Unlike in the paper,
/// the range always contains 0.
///
/// T comes from calibration, or from the first weight or batch that is not all zeros; then it is
/// fixed. FAT trains only the factors (optimizer.train = ["quantizer"]) or, in a separate stage,
/// one factor m per element of the weight, which becomes W clip(m, pointwise_min, pointwise_max);
/// biases have no factors here.
///
/// Settings [quant.fat], with their defaults:
///   mode = "symmetric"          or "asymmetric"
///   act_grid = "auto"           symmetric: unsigned or signed_narrow, decided by the first batch; or
///                               "unsigned", "signed_narrow", "signed_full"
///   alpha_min = 0.5             of alpha, and of alpha_R in the asymmetric mode; > 0
///   alpha_max = 1.0             1.3 in the authors' code
///   shift_min = -0.2            of alpha_T
///   shift_max = 0.4
///   clamp = false               whether a factor beyond its limits, which is stuck because it has no
///                               gradient, is clamped after each step. Training reports factors beyond by
///                               more than a tenth of the distance between the limits
///   train_thresholds = true     false: factors stay at 1 and 0
///   pointwise = false           weights: whether to train m
///   pointwise_min = 0.75
///   pointwise_max = 1.25
Strategy fat_strategy();

}  // namespace quench::quant
