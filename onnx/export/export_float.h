#pragma once

#include <optional>

#include "layers/module.h"
#include "onnx/export/onnx_graph.h"

namespace quench::onnx {

/// Exports the float network, ignoring its quantizers, as an ONNX graph with a node per module.
/// Batch norms use their running statistics.
/// @param image  [1, C, H, W]
/// @throws std::invalid_argument  naming a module without an ONNX form
OnnxModel export_float(layers::Module& network, const Shape& image,
                       const std::optional<PixelNormalization>& pixels);

}  // namespace quench::onnx
