#pragma once

#include "core/activation.h"
#include "layers/module.h"

namespace quench {

/// activation(a + b) of two inputs of one shape: where a shortcut joins its residual branch.
class Add final : public Module {
 public:
  explicit Add(Activation activation = Activation::none) : activation_(activation) {}
  Activation activation() const { return activation_; }

 protected:
  Variable combine(const Variable& a, const Variable& b) override;

 private:
  Activation activation_;
};

}  // namespace quench
