#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/strategy.h"

namespace quench::quant {

/// "bwn": binary weight network (Rastegari et al. 2016, arXiv:1603.05279, section 3.1).
///
///   f(w) = alpha * sign(w), sign(0) = +1, alpha = mean|w| over the n weights that share it: a
///   filter (per_channel, as in the paper) or the tensor.
///
/// With B = sign(w), g = dL/df and a windowed straight-through gradient of the sign:
///   gradient = "full"      dL/dw = sum(g B) B / n + g alpha 1{|w| <= 1}, by the chain rule (default)
///              "xnor"      dL/dw = g (1 / n + alpha 1{|w| <= 1}), as the paper prints it
///              "identity"  dL/dw = g
///
/// A filter of zeros has alpha 0 in the paper; here 2^-126, because a grid's scale must be
/// positive. Weights only, 1 bit; activations are not quantized.
///
/// Settings [quant.bwn], with their defaults:
///   gradient = "full"
Strategy bwn_strategy();

/// The weight quantizer of "bwn"; other methods use it at 1 bit.
std::unique_ptr<Quantizer> make_bwn(const SlotSpec& spec);

}  // namespace quench::quant
