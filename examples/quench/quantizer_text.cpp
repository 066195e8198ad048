#include "examples/quench/quantizer_text.h"

#include <fmt/format.h>

namespace quench::command {

std::string quantizer_text(const quant::Quantizer& quantizer) {
  if (!quantizer.quantizes()) return "fp32";
  const bool per_channel = quantizer.granularity() == quant::Granularity::per_channel;
  return fmt::format("{} {} bit{}", quantizer.method(), quantizer.bits(),
                     per_channel ? ", channel" : "");
}

}  // namespace quench::command
