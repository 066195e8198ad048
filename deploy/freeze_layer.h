#pragma once

// Private to the freeze*.cpp files: what single modules are as operations.

#include <string>

#include "deploy/network/integer_network.h"
#include "layers/layer.h"
#include "layers/quantizable_module.h"

namespace quench::deploy {

/// The grid that takes every number to the code that the quantizer of this slot gives it.
/// @param reads_images  whether the slot is that of the network's input, for messages
/// @throws std::invalid_argument  if there is none: no quantizer, a scale by the size of the input
///                                (XNOR-Net), codes that no scale and zero point give
quant::QuantGrid frozen_grid(QuantizableModule& module, std::size_t input, bool reads_images);

/// The operation that a layer with quantizer slots becomes.
/// @param input  the first value it reads
/// @param pool   of the sums of a convolution; null for none
/// @throws std::invalid_argument  for a weight without a quantizer
/// @throws std::logic_error       for a layer without slots, or a CustomLayer
Operation::Kind freeze_layer(const Layer& layer, const Value& input, const Window2d* pool);

}  // namespace quench::deploy
