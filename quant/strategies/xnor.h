#pragma once

#include <memory>

#include "quant/strategy.h"

namespace quench::quant {

/// "xnor": XNOR-Net (Rastegari et al. 2016, arXiv:1603.05279, section 3.2), 1 bit.
///
///   weight      as "bwn" (quant/strategies/bwn.h), with the same `gradient`
///   activation  f(x) = sign(x), sign(0) = +1; dL/dx = dL/df where |x| <= 1, else 0
///   layer       its output is multiplied by K, the mean of |x| under each window (of each sample for
///               a linear layer), before the bias is added. K is a constant in the backward pass. In
///               evaluation likewise: (alpha * (sum of codes)) * K + b.
///
/// K differs from image to image, so a network with K has no fixed integer form. Without it
/// (input_scale = false) the network can be deployed, quantize the operands of sums and fold batch
/// norms.
///
/// Settings [quant.xnor], with their defaults:
///   gradient = "full"
///   input_scale = true
Strategy xnor_strategy();

}  // namespace quench::quant
