#pragma once

#include <vector>

#include "layers/graph.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {

/// The layers of a network in groups that get the same bits:
/// - layers that read one value, also through layers that only move values (a flatten, zeros around an
///   image), because its integers are stored once: the convolutions of a residual block and of its
///   shortcut that read the block's input;
/// - the two layers that compute the operands of a sum, through batch norm and activation, if nothing else
///   reads what they compute: the last convolution of a block and that of its shortcut. A shortcut without
///   a layer ties nothing;
/// - layers that use one weight.
///
/// @return every layer of the graph once: groups in the order of their first layers, layers in order of
///         execution
std::vector<std::vector<layers::QuantizedLayer*>> tied_layers(const layers::Graph& graph);

}  // namespace quench::ptq
