#pragma once

#include <string>

#include "layers/slotted_module.h"

namespace quench::command {

/// What a slot does, for tables: "lsq 4 bit, channel", or "fp32".
std::string quantizer_text(const quant::Quantizer& quantizer);
/// What a module does to its inputs: likewise, or "tqt 8 bit, shared" of two on one grid.
std::string inputs_text(SlottedModule& module);
/// What it does to its weight: likewise, or "-" if it has none.
std::string weight_text(SlottedModule& module);

}  // namespace quench::command
