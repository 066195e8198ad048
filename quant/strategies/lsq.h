#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "lsq": learned step size quantization (Esser et al. 2020, arXiv:1902.08153).
///
///   f(v) = s * round(clip(v / s, -Qn, Qp)), s trained (parameter "scale")
///   dL/dv = g where -Qn < v / s < Qp, else 0
///   dL/ds = c * sum of g * (round(v / s) - v / s) inside, -g Qn below, g Qp above (eq. 3)
///
/// Weights: Qn = 2^(b-1), Qp = 2^(b-1) - 1, 2 to 8 bits, s per tensor or channel. Activations: Qn =
/// 0, Qp = 2^b - 1, 1 to 8 bits, or the weights' grid if values can be negative. c = 1 / sqrt(N
/// Qp), where N is the number of weights that share s, or of activations in one sample.
///
/// s starts at 2 mean|v| / sqrt(Qp) of the weight or of the first batch that is not all zeros, or
/// at a calibrated value; its floor is 1e-8, or a thousandth of its start if that is less.
///
/// Settings [quant.lsq], with their defaults:
///   window = "open"        as above; or "closed": v / s = -Qn and Qp count as inside (lsq-net)
///   grad_scale = "paper"   c as above; or "none": c = 1
///   act_grid = "auto"      quant/parts/activation_grid.h, signed_full if signed; "unsigned" at 1 bit
Strategy lsq_strategy();

}  // namespace quench::quant
