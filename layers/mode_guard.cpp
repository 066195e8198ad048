#include "layers/mode_guard.h"

#include "layers/quantizable_module.h"

namespace quench {

ModeGuard::ModeGuard(Module& network, bool training, quant::Mode quantizers) {
  for (const auto& [name, module] : network.modules()) {
    modules_.emplace_back(module, module->training());
  }
  for_each_quantizer(network, [this](quant::Quantizer& quantizer) {
    quantizers_.emplace_back(&quantizer, quantizer.mode());
  });
  network.set_training(training);
  network.set_quantizer_mode(quantizers);
}

ModeGuard::~ModeGuard() {
  // Outermost first: an inner module that had another mode gets it back after its parent.
  for (const auto& [module, training] : modules_) module->set_training(training);
  for (const auto& [quantizer, mode] : quantizers_) quantizer->set_mode(mode);
}

}  // namespace quench
