#pragma once

#include <memory>
#include <string>

#include "quant/quantizer.h"

namespace quench::quant {

/// "fixed": a grid that is given and stays, such as that of a quantized ONNX network.
///
///   f(x) = s * (clip(round(x / s) + z, qmin, qmax) - z)
///   dL/dx = dL/dy from the grid's first to its last real value, else 0
///
/// Per tensor, or per output channel of a weight; {-1, +1} too. It has no settings and no line in the
/// registry: no config could say which grid.
/// @throws std::invalid_argument  as check_grid(), beginning with `slot`
/// @param shape  of what passes through; of an activation any
std::unique_ptr<Quantizer> make_fixed_quantizer(Role role, QuantGrid grid, const Shape& shape,
                                                std::string slot);

}  // namespace quench::quant
