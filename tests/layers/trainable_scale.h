#pragma once

#include "quant/quantizer.h"

namespace quench::testing {

/// A 4-bit quantizer with a trained scale.
class TrainableScale final : public quant::Quantizer {
 public:
  explicit TrainableScale(quant::Role role = quant::Role::activation)
      : Quantizer({.role = role, .bits = 4, .slot = "test"}) {}

  quant::QuantGrid grid() const override {
    quant::QuantGrid grid = quant::signed_narrow_grid(4);
    grid.scale[0] = scale_.value().item();
    return grid;
  }
  void observe(const Tensor&) override {}
  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"scale", scale_}};
  }

 protected:
  Variable train_forward(const Variable& x) override {
    return Variable(quant::fake_quantize(x.value(), grid()));
  }

 private:
  Variable scale_{Tensor::full({}, 0.5f), true};
};

}  // namespace quench::testing
