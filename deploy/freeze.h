#pragma once

#include "deploy/network/integer_network.h"
#include "layers/quantizable_module.h"

namespace quench::deploy {

/// The integers of a trained network: every weight as codes on its grid, every activation between
/// two layers as codes on the grid of the quantizer slot that reads it, and what lies between, batch
/// norms, scales and activations, as steps on the way from sums to codes. What moves numbers, a max
/// pool, zeros, a concatenation, moves codes on which these steps have been taken.
///
/// What the result computes is, bit for bit, what the network computes in evaluation. Batch norms
/// folded into weights (quant.fold_batch_norm) are in the codes; others stay a multiplication and
/// an addition per channel.
///
/// @param image  [1, C, H, W]; an integer network takes images of one size
/// @throws std::invalid_argument  for a network that has no integers, naming the first module or
///                                slot and what it would need: a slot without a quantizer, a scale
///                                that depends on the input (XNOR-Net), a batch norm behind zeros
///                                or, with a number per pixel, behind a flatten, a module of an
///                                unknown kind
IntegerNetwork freeze(Module& network, const Shape& image);

/// How Value::readers calls a slot: "conv2", or "block1.add.input2" of two.
std::string reader_name(const QuantizableModule& module, std::size_t input);

}  // namespace quench::deploy
