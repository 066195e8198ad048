#include "cli/parts/quantizer_text.h"

#include <fmt/format.h>

#include "layers/quantized_layer.h"

namespace quench::cli {

std::string quantizer_text(const quant::Quantizer& quantizer) {
  if (!quantizer.quantizes()) return "fp32";
  const bool per_channel = quantizer.granularity() == quant::Granularity::per_channel;
  return fmt::format("{} {} bit{}", quantizer.method(), quantizer.bits(),
                     per_channel ? ", channel" : "");
}

std::string inputs_text(layers::QuantizableModule& module) {
  const quant::Quantizer& quantizer = module.input_quantizer();
  const bool shared = module.shares_quantizer() && quantizer.quantizes();
  return quantizer_text(quantizer) + (shared ? ", shared" : "");
}

std::string weight_text(layers::QuantizableModule& module) {
  layers::QuantizedLayer* layer = module.as_quantized_layer();
  return layer == nullptr ? "-" : quantizer_text(layer->weight_quantizer());
}

}  // namespace quench::cli
