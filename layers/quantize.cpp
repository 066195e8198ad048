#include "layers/quantize.h"

#include "layers/add.h"
#include "layers/multiply.h"
#include "layers/pointwise_function.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

void fill(QuantizedLayer& layer, quant::LayerQuantizers made) {
  layer.set_input_quantizer(std::move(made.input));
  layer.set_weight_quantizer(std::move(made.weight));
}

quant::OperandKind kind_of(const SlottedModule& module) {
  using quant::OperandKind;
  if (dynamic_cast<const Add*>(&module) != nullptr) return OperandKind::residual;
  if (dynamic_cast<const Multiply*>(&module) != nullptr) return OperandKind::product;
  if (dynamic_cast<const PointwiseFunction*>(&module) != nullptr) return OperandKind::function;
  return OperandKind::pool;
}

void fill_operands(SlottedModule& module, quant::Policy& policy) {
  const auto made = policy.make_operands(
      {.name = module.name(), .kind = kind_of(module), .count = module.input_count()});
  for (std::size_t i = 0; i < made.size(); ++i) module.set_input_quantizer(made[i], i);
}

}  // namespace

void quantize(Module& network, quant::Policy policy) {
  const std::vector<QuantizedLayer*> layers = network.quantized_layers();
  for (SlottedModule* module : network.slotted_modules()) {
    auto* layer = dynamic_cast<QuantizedLayer*>(module);
    if (layer == nullptr) {
      fill_operands(*module, policy);
      continue;
    }
    fill(*layer, policy.make({.name = layer->name(),
                              .first = layer == layers.front(),
                              .last = layer == layers.back(),
                              .depthwise = layer->depthwise(),
                              .out_channels = layer->weight().shape()[0],
                              .weight = layer->weight().shape()}));
  }
  policy.finish();
}

}  // namespace quench
