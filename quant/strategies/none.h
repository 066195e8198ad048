#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/strategy.h"

namespace quench::quant {

/// "none": no quantization, f(x) = x with gradient 1. Fills empty slots, so that layers need not
/// check for them. It has no grid and no settings.
class NoQuantizer final : public Quantizer {
 public:
  explicit NoQuantizer(const SlotSpec& spec = {}) : Quantizer(spec, {.quantizes = false}) {}

  void observe(const Tensor&) override {}
  /// @throws std::logic_error  always
  QuantGrid grid() const override;

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

Strategy none_strategy();

}  // namespace quench::quant
