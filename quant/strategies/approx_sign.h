#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "approx_sign": sign with a gradient that approximates it better than a window.
///
///   f(x) = sign(x - a), sign(0) = +1; with u = x - a
///   estimator = "approx_sign"  df/dx = 2 - 2|u| where |u| <= 1, else 0 (Bi-Real net: Liu et al.
///                              2018, arXiv:1808.00278, eq. 8)
///               "swish_sign"   df/dx = b (2 - b u tanh(b u / 2)) / (1 + cosh(b u)) (BNN+: Darabi et
///                              al. 2018, arXiv:1812.11800)
///   shift = "none"             a = 0
///           "trained"          a is trained from 0 (parameter "shift"), df/da = -df/dx: ReActNet's
///                              RSign (Liu et al. 2020, arXiv:2003.03488), but one a per tensor
///
/// Activations only, 1 bit; its partner for weights is "bwn", as in Bi-Real net.
///
/// Settings [quant.approx_sign], with their defaults:
///   estimator = "approx_sign"
///   beta = 5.0                 b of "swish_sign"; > 0
///   shift = "none"
Strategy approx_sign_strategy();

}  // namespace quench::quant
