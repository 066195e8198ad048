#pragma once

#include "deploy/network/integer_network.h"
#include "layers/quantizable_module.h"

namespace quench::deploy {

/// Converts a trained network to integers. Weights become codes on their grids. Activations between
/// layers become codes on the grid of the quantizer slot that reads them. Batch norms, scales and
/// activation functions in between become steps from sums to codes. Modules that move values, such
/// as max pool, padding and concatenation, move the codes after these steps.
///
/// The result computes the same bits as the network in evaluation mode. Batch norms folded into
/// weights (quant.fold_batch_norm) are part of the codes; others remain a multiplication and an
/// addition per channel.
///
/// @param image  [1, C, H, W]; an integer network takes images of one size
/// @throws std::invalid_argument  if the network has no integer form, naming the first module or
///                                slot and what is expected: a slot without a quantizer, a scale
///                                that depends on the input (XNOR-Net), a batch norm after zero
///                                padding, a per-pixel batch norm after a flatten, or a module of
///                                an unknown kind
IntegerNetwork freeze(layers::Module& network, const Shape& image);

/// The name of a slot in Value::readers: "conv2", or "block1.add.input2" if the module has two.
std::string reader_name(const layers::QuantizableModule& module, std::size_t input);

}  // namespace quench::deploy
