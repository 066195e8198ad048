#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layers/module.h"

namespace quench {

/// One layer as it stands in the network.
struct LayerTrace {
  std::string name;
  Shape input;  ///< with the batch that was traced
  Shape output;
  Shape weight;           ///< rank 0: it has none
  std::int64_t macs = 0;  ///< multiply-accumulates per image
};

/// Each layer with a weight, and each other module that quantizes what it reads (a sum, a pool, a
/// product, a function), in order of execution.
/// @param image  [N, C, H, W]
/// @throws std::invalid_argument  as value_shapes()
std::vector<LayerTrace> trace_layers(Module& network, const Shape& image);

/// The dotted name of the first module, in order of execution, whose output for `images` holds NaN
/// or infinity; empty if there is none. Modes stay as they are, so statistics may be updated.
/// @throws std::invalid_argument  if a quantizer refuses NaN before any output held one; names it
std::string first_non_finite(Module& network, const Tensor& images);

}  // namespace quench
