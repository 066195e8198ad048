#pragma once

#include <string>

#include "quant/quantizer.h"

namespace quench::command {

/// What a slot does, for tables: "lsq 4 bit, channel", or "fp32".
std::string quantizer_text(const quant::Quantizer& quantizer);

}  // namespace quench::command
