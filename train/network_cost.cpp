#include "train/network_cost.h"

#include <fmt/format.h>

#include "layers/quantized_layer.h"

namespace quench::train {

std::string bits_text(const quant::Quantizer& weight, const quant::Quantizer& input) {
  const auto bits = [](const quant::Quantizer& quantizer) {
    return quantizer.quantizes() ? std::to_string(quantizer.bits()) : std::string("fp32");
  };
  return fmt::format("{} x {}", bits(weight), bits(input));
}

NetworkCost network_cost(layers::Module& network, std::span<const layers::LayerTrace> layers) {
  NetworkCost cost;
  for (const layers::Parameter& parameter : network.parameters()) {
    if (parameter.kind != layers::ParameterKind::quantizer)
      cost.parameters += parameter.value.value().numel();
  }
  std::map<std::string, layers::QuantizedLayer*> with_weight;
  for (layers::QuantizedLayer* layer : network.quantized_layers())
    with_weight[layer->name()] = layer;
  for (const layers::LayerTrace& trace : layers) {
    const auto found = with_weight.find(trace.name);
    if (found == with_weight.end()) continue;
    layers::QuantizedLayer& layer = *found->second;
    const std::string bits = bits_text(layer.weight_quantizer(), layer.input_quantizer());
    cost.macs += trace.macs;
    cost.macs_by_bits[bits] += trace.macs;
    cost.weight_bytes += layer.weight_bytes();
    cost.weight_bytes_by_bits[bits] += layer.weight_bytes();
    if (layer.owns_weight()) cost.float_bytes += static_cast<double>(trace.weight.numel()) * 4.0;
  }
  return cost;
}

}  // namespace quench::train
