#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "tqt": trained thresholds on power-of-two scales (Jain et al. 2019, arXiv:1903.08066), 2 to 8
/// bits.
///
///   f(x) = s clip(round(x / s), qmin, qmax),  s = 2^ceil(log2 t) / 2^(b-1), or 2^b unsigned
///
/// with log2 t trained, per tensor as in the paper, or per output channel. The weight grid is
/// [-2^(b-1), 2^(b-1)-1]. With r = round(x / s), and ceil and round straight-through:
///
///   dL/dx      = dL/dy where qmin <= r <= qmax, else 0
///   dL/dlog2 t = s ln 2 sum(dL/dy dy/ds),  dy/ds = r - x / s inside, qmin below, qmax above
///
/// t starts from calibration, or from the first weight or batch that is not all zeros; before that
/// it is 1. log2 t stays in [-126, 127].
///
/// Settings [quant.tqt], with their defaults:
///   act_grid = "auto"     signed_full or unsigned, decided by the first batch; or "signed_full",
///                         "signed_narrow", "unsigned"
///   init_weight = "3sd"   |mean| + 3 standard deviations; or "max", max|w|
///   freeze = false        whether thresholds freeze one by one (threshold_freezer.h)
///   freeze_start = 1000   steps until the first may freeze
///   freeze_every = 50     steps between two freezes
Strategy tqt_strategy();

/// The scale for a stored log2 t: 2^ceil(log2 t) / 2^fraction_bits, at least 2^-126; finite for any
/// log2 t.
float tqt_scale(float log2_t, int fraction_bits);

}  // namespace quench::quant
