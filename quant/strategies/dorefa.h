#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "dorefa": DoReFa-Net's weights and activations (Zhou et al. 2016, arXiv:1606.06160), per tensor.
/// With quantize_k(r) = round((2^k - 1) r) / (2^k - 1) for r in [0, 1]:
///
/// Weights, 2 to 8 bits: t = tanh(w), M = max|t| of the tensor,
///   f(w) = 2 quantize_k(t / (2M) + 1/2) - 1           dL/dw = g (1 - t^2) / M
/// Rounding is straight-through. M is a constant in the gradient ("constant"), or is differentiated
/// as well ("full"), which adds -sign(t) sum(g t) / M^2 to the gradient of the largest t. The
/// integers are odd, q = 2j - (2^k - 1) for j in [0, 2^k - 1], with scale 1 / (2^k - 1): there is
/// no 0, and 8 bits range from -255 to 255. Their sums in float32 stay exact as long as those of
/// 9-bit codes. Weights, 1 bit: f(w) = sign(w) mean|w|, sign(0) = +1; dL/dw = g. All-zero weights
/// become +-2^-126, the smallest value that a grid allows.
///
/// Activations, 1 to 8 bits, A = act_max:
///   f(x) = A quantize_k(clip(x / A, 0, 1))            dL/dx = g where 0 <= x <= A, else 0
/// The paper uses A = 1 and leaves it to the network to keep its activations in that range.
///
/// Settings [quant.dorefa], with their defaults:
///   max_gradient = "constant"  or "full"; weights of 2 to 8 bits
///   act_max = 1.0              activations; > 0
Strategy dorefa_strategy();

}  // namespace quench::quant
