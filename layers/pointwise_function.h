#pragma once

#include "core/pointwise.h"
#include "layers/quantizable_module.h"

namespace quench {

/// A function of core/pointwise.h as a layer: leaky_relu, hard_sigmoid, hard_swish, sigmoid, clip.
///
/// Its input has a slot for a quantizer. In evaluation it is a function of the input's code alone,
/// f(scale float(q - z) + offset) with each operation rounded to float32, so that an integer engine
/// looks it up in a table. relu, relu6 and hardtanh need no table: see ActivationLayer.
class PointwiseFunction final : public QuantizableModule {
 public:
  explicit PointwiseFunction(const Pointwise& function) : function_(function) {}
  const Pointwise& function() const { return function_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Pointwise function_;
};

}  // namespace quench
