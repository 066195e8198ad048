#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "noise": training adds noise of one step instead of rounding, as DiffQ does with a fixed number
/// of bits (Defossez et al. 2021, arXiv:2104.09987, section 3.2), 2 to 8 bits.
///
///   training    f(x) = clip(x, s qmin, s qmax) + s n,  n uniform in [-1/2, 1/2)
///               dL/dx = g where s qmin <= x <= s qmax, else 0
///   evaluation  s * clip(round(x / s), qmin, qmax)
///
/// Nothing is estimated: that is the true gradient. n depends on the run's seed, the slot and the
/// number of forward passes so far. The grid is fixed by max|w|, or by an average over batches
/// (quant/parts/observed_quantizer.h). DiffQ's trained number of bits is not part of it.
///
/// Settings [quant.noise], with their defaults:
///   quantize_from = 1.0  share of the run after which training rounds too, with the same gradient;
///                        in [0, 1]
///   act_grid, momentum   as in quant/parts/observed_quantizer.h
Strategy noise_strategy();

}  // namespace quench::quant
