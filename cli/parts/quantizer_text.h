#pragma once

#include <string>

#include "layers/quantizable_module.h"

namespace quench::cli {

/// How a slot quantizes, for tables: "lsq 4 bit, channel", or "fp32".
std::string quantizer_text(const quant::Quantizer& quantizer);
/// How a module quantizes its inputs: likewise, or "tqt 8 bit, shared" for two inputs on one grid.
std::string inputs_text(layers::QuantizableModule& module);
/// How it quantizes its weight: likewise, or "-" if it has none.
std::string weight_text(layers::QuantizableModule& module);

}  // namespace quench::cli
