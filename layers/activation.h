#pragma once

#include "core/activation.h"
#include "layers/module.h"

namespace quench {

/// relu, relu6 or hardtanh as a layer of its own, for where no batch norm precedes it.
class ActivationLayer final : public Module {
 public:
  explicit ActivationLayer(Activation activation) : activation_(activation) {}
  Activation activation() const { return activation_; }
  void set_activation(Activation activation) { activation_ = activation; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Activation activation_;
};

}  // namespace quench
