#pragma once

#include <string>

#include "layers/quantizable_module.h"

namespace quench::command {

/// What a slot does, for tables: "lsq 4 bit, channel", or "fp32".
std::string quantizer_text(const quant::Quantizer& quantizer);
/// What a module does to its inputs: likewise, or "tqt 8 bit, shared" of two on one grid.
std::string inputs_text(QuantizableModule& module);
/// What it does to its weight: likewise, or "-" if it has none.
std::string weight_text(QuantizableModule& module);

}  // namespace quench::command
