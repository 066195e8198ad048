#include "layers/attach_quantizers.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "layers/quantized_layer.h"

namespace quench::layers {
namespace {

void fill(QuantizedLayer& layer, quant::LayerQuantizers made) {
  layer.set_input_quantizer(std::move(made.input));
  if (layer.owns_weight()) layer.set_weight_quantizer(std::move(made.weight));
}

void fill_operands(QuantizableModule& module, quant::Policy& policy) {
  const auto made = policy.make_operands(
      {.name = module.name(), .kind = operand_kind(module), .count = module.input_count()});
  for (std::size_t i = 0; i < made.size(); ++i) module.set_input_quantizer(made[i], i);
}

}  // namespace

void attach_quantizers(Module& network, quant::Policy policy) {
  const std::vector<QuantizedLayer*> layers = network.quantized_layers();
  for (QuantizableModule* module : network.quantizable_modules()) {
    QuantizedLayer* layer = module->as_quantized_layer();
    if (layer == nullptr) {
      fill_operands(*module, policy);
      continue;
    }
    fill(*layer, policy.make(layer_info(*layer, layers)));
  }
  policy.finish();
}

quant::LayerInfo layer_info(QuantizedLayer& layer, const std::vector<QuantizedLayer*>& layers) {
  return {.name = layer.name(),
          .first = &layer == layers.front(),
          .last = &layer == layers.back(),
          .depthwise = layer.depthwise(),
          .out_channels = layer.weight().shape()[0],
          .weight = layer.weight().shape()};
}

quant::OperandKind operand_kind(QuantizableModule& module) {
  using quant::OperandKind;
  const auto none = [&module]() -> OperandKind {
    throw std::logic_error(module.name() + ": [quant] has no rule for a module of this kind");
  };
  return std::visit(
      Overloaded{
          [](const Add*) { return OperandKind::residual; },
          [](const Multiply*) { return OperandKind::product; },
          [](OneOf<PointwiseFunction, PRelu> auto) { return OperandKind::function; },
          [](OneOf<AveragePool2d, GlobalAveragePool> auto) { return OperandKind::pool; },
          [&none](OneOf<Conv2d, Linear, BatchNorm, GroupNorm, LocalResponseNorm, ScaleShift,
                        ActivationLayer, Extremum, Concat, SelectChannels, SelectPixels, Pad,
                        Upsample, BilinearResize, Rearrange, MaxPool2d, Flatten, Unflatten> auto) {
            return none();
          },
          [&none](const CustomLayer&) { return none(); }},
      module.as_layer());
}

std::vector<std::string> quantization_notes(Module& network, const Settings& quant) {
  std::vector<std::string> notes;
  const std::vector<QuantizableModule*> modules = network.quantizable_modules();
  const auto note_absent = [&](const char* key, const char* what, auto present) {
    if (quant.find(key) != nullptr && std::ranges::none_of(modules, present))
      notes.push_back(
          fmt::format("quant.{}: the network has no {}, so this rule has no effect", key, what));
  };
  const auto note_absent_operands = [&](quant::OperandKind kind, const char* what) {
    note_absent(quant::rule_key(kind), what, [kind](QuantizableModule* module) {
      return module->as_quantized_layer() == nullptr && operand_kind(*module) == kind;
    });
  };
  note_absent("depthwise", "depthwise layers", [](QuantizableModule* module) {
    const QuantizedLayer* layer = module->as_quantized_layer();
    return layer != nullptr && layer->depthwise();
  });
  note_absent_operands(quant::OperandKind::residual, "residual sums");
  note_absent_operands(quant::OperandKind::pool, "average pools");
  note_absent_operands(quant::OperandKind::product, "products");
  note_absent_operands(quant::OperandKind::function, "functions");
  if (quant.has("method") && quant.text("method") == "none" && is_quantized(network)) {
    const auto quantizes = [](QuantizableModule* module) { return module->quantizes(); };
    notes.push_back(fmt::format(
        "quant.method is \"none\", but another rule quantizes {}; quant.method = \"float\" "
        "quantizes nothing",
        (*std::ranges::find_if(modules, quantizes))->name()));
  }
  return notes;
}

}  // namespace quench::layers
