#pragma once

#include "layers/quantizable_module.h"

namespace quench {

/// The product of two activations: of one shape, or [N, C, H, W] and, as either of the two,
/// [N, C, 1, 1], one factor for each channel of each image (squeeze-and-excitation, Hu et al. 2018,
/// arXiv:1709.01507).
///
/// Each input has a slot for a quantizer, on a grid of its own. In evaluation with both on grids the
/// product is that of an integer engine: float((q1 - z1)(q2 - z2)) * (s1 * s2), the integer exact
/// and each of the two other products rounded to float32. Where a grid has an offset (LSQ+), it is
/// the rounded product of the two real numbers s (q - z) + offset.
class Multiply final : public QuantizableModule {
 public:
  Multiply() : QuantizableModule(2) {}
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;
};

}  // namespace quench
