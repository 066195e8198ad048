#include "ptq/relu6.h"

#include "layers/activation.h"
#include "layers/batch_norm.h"

namespace quench {
namespace {

void set_activation(Module& module, Activation activation) {
  if (auto* norm = dynamic_cast<BatchNorm*>(&module)) norm->set_activation(activation);
  if (auto* layer = dynamic_cast<ActivationLayer*>(&module)) layer->set_activation(activation);
}

}  // namespace

bool is_relu6(const Module& module) {
  if (const auto* norm = dynamic_cast<const BatchNorm*>(&module))
    return norm->params().activation == Activation::relu6;
  const auto* layer = dynamic_cast<const ActivationLayer*>(&module);
  return layer != nullptr && layer->activation() == Activation::relu6;
}

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
