#include "layers/quantize.h"

#include <fmt/format.h>

#include <algorithm>

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

void fill_operands(SlottedModule& module, quant::Policy& policy) {
  const auto made = policy.make_operands(
      {.name = module.name(), .kind = operand_kind(module), .count = module.input_count()});
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

quant::OperandKind operand_kind(const SlottedModule& module) {
  using quant::OperandKind;
  if (dynamic_cast<const Add*>(&module) != nullptr) return OperandKind::residual;
  if (dynamic_cast<const Multiply*>(&module) != nullptr) return OperandKind::product;
  if (dynamic_cast<const PointwiseFunction*>(&module) != nullptr) return OperandKind::function;
  return OperandKind::pool;
}

std::vector<std::string> quantization_notes(Module& network, const Settings& quant) {
  std::vector<std::string> notes;
  const std::vector<SlottedModule*> modules = network.slotted_modules();
  const auto note_absent = [&](const char* key, const char* what, auto present) {
    if (quant.find(key) != nullptr && std::ranges::none_of(modules, present))
      notes.push_back(
          fmt::format("quant.{}: the network has no {}, so this rule does nothing", key, what));
  };
  const auto note_absent_operands = [&](quant::OperandKind kind, const char* what) {
    note_absent(quant::rule_key(kind), what, [kind](const SlottedModule* module) {
      return dynamic_cast<const QuantizedLayer*>(module) == nullptr &&
             operand_kind(*module) == kind;
    });
  };
  note_absent("depthwise", "depthwise layers", [](const SlottedModule* module) {
    const auto* layer = dynamic_cast<const QuantizedLayer*>(module);
    return layer != nullptr && layer->depthwise();
  });
  note_absent_operands(quant::OperandKind::residual, "residual sums");
  note_absent_operands(quant::OperandKind::pool, "average pools");
  note_absent_operands(quant::OperandKind::product, "products");
  note_absent_operands(quant::OperandKind::function, "functions");
  if (quant.has("method") && quant.text("method") == "none" && is_quantized(network)) {
    const auto quantizes = [](SlottedModule* module) { return module->quantizes(); };
    notes.push_back(fmt::format(
        "quant.method is \"none\", but another rule quantizes {}; quant.method = \"float\" "
        "leaves every value as it is",
        (*std::ranges::find_if(modules, quantizes))->name()));
  }
  return notes;
}

}  // namespace quench
