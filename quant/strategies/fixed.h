#pragma once

#include <memory>
#include <string>

#include "quant/quantizer.h"

namespace quench::quant {

/// "fixed": a given grid that never changes, e.g. that of a quantized ONNX network.
///
///   f(x) = s * (clip(round(x / s) + z, qmin, qmax) - z)
///   dL/dx = dL/dy from the grid's first to its last real value, else 0
///
/// Per tensor, or per output channel of a weight; also {-1, +1}. It has no settings and is not in
/// the registry, because a config cannot specify the grid.
/// @throws std::invalid_argument  as check_grid(); the message starts with `slot`
/// @param shape  the shape of the weight; any shape for an activation
std::unique_ptr<Quantizer> make_fixed_quantizer(Role role, QuantGrid grid, const Shape& shape,
                                                std::string slot);

}  // namespace quench::quant
