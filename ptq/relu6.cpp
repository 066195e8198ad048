#include "ptq/relu6.h"

#include "layers/activation.h"
#include "layers/batch_norm.h"

namespace quench {
namespace {

/// The activation of a batch norm or activation layer; none of any other module, even if it has one.
Activation activation_of(Module& module) {
  return std::visit(
      Overloaded{[](const BatchNorm* norm) { return norm->params().activation; },
                 [](const ActivationLayer* layer) { return layer->activation(); },
                 // What a sum clips has two producers, and belongs to no pair.
                 [](const Add*) { return Activation::none; },
                 [](OneOf<Conv2d, Linear, ScaleShift, PointwiseFunction, Multiply, Concat, Pad,
                          MaxPool2d, AveragePool2d, GlobalAveragePool, Flatten, Unflatten> auto) {
                   return Activation::none;
                 },
                 [](const CustomLayer&) { return Activation::none; }},
      module.as_layer());
}

void set_activation(Module& module, Activation activation) {
  const Layer layer = module.as_layer();
  if (auto* const* norm = std::get_if<BatchNorm*>(&layer)) (*norm)->set_activation(activation);
  if (auto* const* own = std::get_if<ActivationLayer*>(&layer)) (*own)->set_activation(activation);
}

}  // namespace

bool is_relu6(Module& module) { return activation_of(module) == Activation::relu6; }

std::vector<Module*> replace_relu6(Module& network) {
  std::vector<Module*> changed;
  for (const auto& [name, module] : network.modules()) {
    if (!is_relu6(*module)) continue;
    set_activation(*module, Activation::relu);
    changed.push_back(module);
  }
  return changed;
}

Relu6Replaced::~Relu6Replaced() {
  for (Module* module : changed_) set_activation(*module, Activation::relu6);
}

}  // namespace quench
