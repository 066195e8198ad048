#pragma once

#include "core/activation.h"
#include "layers/quantizable_module.h"

namespace quench {

/// activation(a + b) of two inputs of one shape: where a shortcut joins its residual branch.
///
/// Each input has a slot for a quantizer, or both share one. In evaluation the sum is that of an
/// integer engine with float32 requantization: float(s1 (q1 - z1)) + float(s2 (q2 - z2)), each of
/// the three operations rounded to float32. On one grid with a scale of a power of two (TQT) this is
/// exactly s (q1 + q2). The sum itself is rounded to integers by whoever reads it.
class Add final : public QuantizableModule {
 public:
  explicit Add(Activation activation = Activation::none)
      : QuantizableModule(2), activation_(activation) {}
  Activation activation() const { return activation_; }
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;

 private:
  Activation activation_;
};

}  // namespace quench
