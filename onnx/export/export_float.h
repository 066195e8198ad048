#pragma once

#include <optional>

#include "layers/module.h"
#include "onnx/export/onnx_graph.h"

namespace quench::deploy {

/// The float network, whatever its quantizers, as an ONNX graph: a node for each module, batch norms
/// with their running statistics.
/// @param image  [1, C, H, W]
/// @throws std::invalid_argument  for a module that has no ONNX form, naming it
OnnxModel export_float(Module& network, const Shape& image,
                       const std::optional<PixelNormalization>& pixels);

}  // namespace quench::deploy
