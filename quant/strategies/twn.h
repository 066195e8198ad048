#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "twn": ternary weight network (Li & Liu 2016, arXiv:1605.04711).
///
///   f(w) = alpha * sign(w) where |w| > delta, else 0; dL/dw = dL/df
///
/// with delta = threshold_factor * mean|w| and alpha the mean of |w| over |w| > delta, per tensor
/// (the paper) or per channel. The integers -1, 0, +1 follow from delta, not from rounding w /
/// alpha. Where no weight passes delta, alpha is 0: all integers are 0 and the grid's scale is 1.
/// Weights of 2 bits only; activations stay as they are.
///
/// Settings [quant.twn], with their defaults:
///   scale = "threshold"     as above; or "exact": delta and alpha that minimise ||w - f(w)||, found
///                           by sorting |w| in every forward pass
///   threshold_factor = 0.7  > 0
Strategy twn_strategy();

}  // namespace quench::quant
