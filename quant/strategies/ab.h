#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "ab": alpha-blending (Liu & Mattina 2019). The float values fade into the quantized ones while
/// alpha rises from 0 to 1, so that no gradient estimator is needed for the weights.
///
/// Weight: w' = (1 - alpha) w + alpha w_q (eq. 4) with w_q constant in the gradient (eq. 5).
///   gradient_mode = "grad_scale"  dL/dw = (1 - alpha) dL/dw', a factor that Adam does not see
///                   "step_scale"  dL/dw = dL/dw', and the optimizer's step times 1 - alpha
///                   "auto"        step_scale for an adaptive optimizer, else grad_scale (default)
/// At alpha = 1 the weight stands still. w_q is the projection of w by PPQ (quant/strategies/ppq.h), per tensor or
/// channel; for 1 bit sign(w), times mean|w| with binary_scale = "mean_abs".
///
/// Activation of 2 to 8 bits, with a_q on the grid of gamma_a, an exponential average of each
/// batch's PPQ; g is the gradient of the output:
///   activation = "blend_pure"   (1 - alpha) a + alpha a_q   gradient (1 - alpha) g
///                "blend_ste"    the same                    g in the grid's range, else 0
///                "ste"          a_q                         g in the grid's range, else 0
///                "off_then_on"  a; a_q once alpha is 1      g
///                "auto"         "blend_pure" at 1 bit, else "blend_ste" (default)
/// Activation of 1 bit: the same with hardtanh(a) for a, sign(a) for a_q and the range [-1, 1],
/// outside of which the gradient is 0 in all four. Once alpha is 1, gamma_a is frozen, and
/// "blend_pure" passes gradients like "blend_ste", so that batch norm and biases go on learning
/// (tail_gradient = "ste"; "pure" passes none).
///
/// Settings [quant.ab], beside those above, with their defaults:
///   schedule = "cubic"         eq. 6; or "exponential": 1 - exp(-lambda (step - start)), then 1
///   start = 0.1, end = 0.9     where alpha leaves 0 and reaches 1, as fractions of the run
///   lambda = 0.0               per step; 0: such that only 0.001 is left to jump
///   alpha_every = 1            steps between two changes of alpha
///   project_every = 1          steps between two new w_q
///   ppq_updates = 0            at most, for w_q; 0: until its codes repeat. A batch's gamma_a starts
///                              from the average and takes 3 at most
///   latent_clip = 0.0          clips latent weights to [-c, c] after each update; 0: off
///   act_grid = "signed_narrow" or "unsigned", "auto" (quant/parts/activation_grid.h)
///   momentum = 0.99            of gamma_a
///   ppq_samples = 65536        of an activation, at a fixed stride, go to PPQ
/// alpha reaches 1 at the first multiple of alpha_every at or after `end`.
Strategy ab_strategy();

}  // namespace quench::quant
