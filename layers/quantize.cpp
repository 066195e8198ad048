#include "layers/quantize.h"

#include "layers/quantized_layer.h"

namespace quench {

void quantize(Module& network, quant::Policy policy) {
  const std::vector<QuantizedLayer*> layers = network.quantized_layers();
  for (QuantizedLayer* layer : layers) {
    quant::LayerQuantizers made = policy.make({.name = layer->name(),
                                               .first = layer == layers.front(),
                                               .last = layer == layers.back(),
                                               .depthwise = layer->depthwise(),
                                               .out_channels = layer->weight().shape()[0],
                                               .weight = layer->weight().shape()});
    layer->set_input_quantizer(std::move(made.input));
    layer->set_weight_quantizer(std::move(made.weight));
  }
  policy.finish();
}

}  // namespace quench
