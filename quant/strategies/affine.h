#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/strategy.h"

namespace quench::quant {

/// "affine" and "symmetric": uniform quantization-aware training (Jacob et al. 2018,
/// arXiv:1712.05877; Krishnamoorthi 2018, arXiv:1806.08342). 2 to 8 bits.
///
///   f(x) = s * (clip(round(x / s) + z, qmin, qmax) - z)
///   dL/dx = dL/dy where x is inside the window, else 0
///
/// Weights: the range is recomputed in each forward pass, per tensor or channel. Symmetric on the
/// narrow signed grid (s = max|w| / qmax, z = 0; nothing is outside), or affine: [min, max]
/// including 0, with an integer zero point. A calibrated range is used until training sees the
/// weight. Activations: the range is an exponential average over batches, frozen in evaluation, or
/// started by a calibrator; affine, or symmetric ("symmetric").
///
/// Settings [quant.affine] and [quant.symmetric], with their defaults:
///   momentum = 0.99          of the average, in [0, 1]
///   zero_debias = false      whether the average starts at 0 and is divided by its weight
///   mask = "real"            the window: real values that the grid covers (TensorFlow); or "code":
///                            values whose rounded code is on the grid (PyTorch)
///   quant_delay = 0          steps before activations are quantized, averaging their range meanwhile;
///                            below 1: a fraction of the run
/// [quant.affine] only:
///   weights = "symmetric"    or "affine"
///   grid = "unsigned"        codes of affine grids; or "signed_full"
///   train_ranges = false     activations: whether min and max are trained (parameters "min", "max",
///                            set by the first batch that is not all zeros or by a calibrator):
///                            dL/dmin = sum of dL/dy over x below the window, dL/dmax above it
/// [quant.symmetric] only:
///   act_grid = "auto"        quant/parts/activation_grid.h, signed_narrow if signed
Strategy affine_strategy();
Strategy symmetric_strategy();

}  // namespace quench::quant
