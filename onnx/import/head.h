#pragma once

// Private to the folder: replaces the last layer, for classes that differ from the graph's.

#include <cstdint>

#include "core/random.h"
#include "layers/composite.h"

namespace quench::onnx {

/// Replaces the last layer with a weight by one with `classes` outputs, a new weight drawn from
/// `random`, and a bias of 0. A batch norm after it is replaced too.
/// @throws std::invalid_argument  for a network with quantizers, whose grids fit its own weights;
///                                or if anything but pools, elementwise functions, batch norms and
///                                reshapes follows that layer
void replace_head(layers::Composite& network, std::int64_t classes, Random& random);

}  // namespace quench::onnx
