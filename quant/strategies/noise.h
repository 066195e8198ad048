#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "noise": training adds uniform noise of one step instead of rounding, like DiffQ with a fixed
/// number of bits (Defossez et al. 2021, arXiv:2104.09987, section 3.2), 2 to 8 bits.
///
///   training    f(x) = clip(x, s qmin, s qmax) + s n,  n uniform in [-1/2, 1/2)
///               dL/dx = g where s qmin <= x <= s qmax, else 0
///   evaluation  s * clip(round(x / s), qmin, qmax)
///
/// The gradient is exact, not an estimate. n depends on the run's seed, the slot and the number of
/// forward passes so far. The grid comes from max|w|, or from an average over batches
/// (quant/parts/observed_quantizer.h). DiffQ's trained bit width is not included.
///
/// Settings [quant.noise], with their defaults:
///   quantize_from = 1.0  fraction of the run after which training rounds too, with the same gradient;
///                        in [0, 1]
///   act_grid, momentum   as in quant/parts/observed_quantizer.h
Strategy noise_strategy();

}  // namespace quench::quant
