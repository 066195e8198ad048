#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/strategy.h"

namespace quench::quant {

/// "bwn": binary weight network (Rastegari et al. 2016, arXiv:1603.05279, section 3.1).
///
///   f(w) = alpha * sign(w), sign(0) = +1, alpha = mean|w| of the n weights that share it: those of
///   a filter with per_channel, the paper's form, or the tensor's.
///
/// With B = sign(w) and g = dL/df, and the sign straight-through on its window:
///   gradient = "full"      dL/dw = sum(g B) B / n + g alpha 1{|w| <= 1}, by the chain rule (default)
///              "xnor"      dL/dw = g (1 / n + alpha 1{|w| <= 1}), as the paper prints it
///              "identity"  dL/dw = g
///
/// A filter of zeros has alpha 0 in the paper; here 2^-126, since a grid's scale is positive.
/// Weights of 1 bit only; activations stay as they are.
///
/// Settings [quant.bwn], with their defaults:
///   gradient = "full"
Strategy bwn_strategy();

/// The weights of "bwn", which other methods use at 1 bit.
std::unique_ptr<Quantizer> make_bwn(const SlotSpec& spec);

}  // namespace quench::quant
