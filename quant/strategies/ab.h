#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "ab": alpha-blending (Liu & Mattina 2019). Blends float values into quantized ones as alpha
/// rises from 0 to 1, so that the weights need no gradient estimator.
///
/// Weight: w' = (1 - alpha) w + alpha w_q (eq. 4) with w_q constant in the gradient (eq. 5).
///   gradient_mode = "grad_scale"  dL/dw = (1 - alpha) dL/dw', a factor that Adam does not see
///                   "step_scale"  dL/dw = dL/dw', and the optimizer's step times 1 - alpha
///                   "auto"        step_scale for an adaptive optimizer, else grad_scale (default)
/// At alpha = 1 the weight no longer changes. w_q is the projection of w by PPQ
/// (quant/strategies/ppq.h), per tensor or channel; at 1 bit it is sign(w), times mean|w| with
/// binary_scale = "mean_abs".
///
/// Activations with 2 to 8 bits: a_q is on the grid of gamma_a, an exponential average of the PPQ
/// scales of the batches; g is the gradient of the output:
///   activation = "blend_pure"   (1 - alpha) a + alpha a_q   gradient (1 - alpha) g
///                "blend_ste"    the same                    g in the grid's range, else 0
///                "ste"          a_q                         g in the grid's range, else 0
///                "off_then_on"  a; a_q once alpha is 1      g
///                "auto"         "blend_pure" at 1 bit, else "blend_ste" (default)
/// Activations with 1 bit: the same with hardtanh(a) for a, sign(a) for a_q and the range [-1, 1],
/// outside which the gradient is 0 in all four modes. Once alpha is 1, gamma_a is frozen, and
/// "blend_pure" passes gradients like "blend_ste", so that batch norm and biases keep learning
/// (tail_gradient = "ste"; "pure" passes none).
///
/// Settings [quant.ab] in addition to those above, with their defaults:
///   schedule = "cubic"         eq. 6; or "exponential": 1 - exp(-lambda (step - start)), then 1
///   start = 0.1, end = 0.9     where alpha leaves 0 and reaches 1, as fractions of the run
///   lambda = 0.0               per step; 0: chosen so that the final jump to 1 is 0.001
///   alpha_every = 1            steps between updates of alpha
///   project_every = 1          steps between updates of w_q
///   ppq_updates = 0            most updates for w_q; 0: until its codes repeat. A batch's gamma_a
///                              starts from the average and takes at most 3
///   latent_clip = 0.0          clips latent weights to [-c, c] after each update; 0: off
///   act_grid = "signed_narrow" or "unsigned", "auto" (quant/parts/activation_grid.h)
///   momentum = 0.99            of gamma_a
///   ppq_samples = 65536        values of an activation used by PPQ, at a fixed stride
/// alpha reaches 1 at the first multiple of alpha_every at or after `end`.
Strategy ab_strategy();

}  // namespace quench::quant
