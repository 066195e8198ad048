#pragma once

#include <memory>

#include "quant/quantizer.h"

namespace quench::quant {

/// "none": values as they are, f(x) = x with gradient 1, so that no layer asks whether it is
/// quantized. Has no grid and no settings.
std::unique_ptr<Quantizer> make_none(const QuantizerSpec& spec);

}  // namespace quench::quant
