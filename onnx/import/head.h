#pragma once

// Private to the folder: another last layer, for other classes than the graph's.

#include <cstdint>

#include "core/random.h"
#include "layers/composite.h"

namespace quench::onnx_network {

/// Puts a new layer in the place of the last one with a weight, equal but for its number of outputs, with
/// a new weight drawn from `random` and a bias of 0. A batch norm behind it is new too.
/// @throws std::invalid_argument  for a network with quantizers, whose grids are those of its weights; and
///                                where more follows than pools, functions of one number, batch norms and
///                                what moves numbers
void replace_head(Composite& network, std::int64_t classes, Random& random);

}  // namespace quench::onnx_network
