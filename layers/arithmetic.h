#pragma once

#include "core/ops/activation.h"
#include "layers/module.h"
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

/// Whether `factor` has one value for each map of `x`: [N, C, 1, 1] for [N, C, H, W].
bool is_per_map(const Shape& x, const Shape& factor);

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

/// y = scale[c] x + shift[c] of [N, C] or [N, C, H, W], both trained: what a product and a sum with
/// constants are in a network of another framework. A batch norm without statistics; integer
/// inference makes one step of it likewise. Product and sum are each rounded to float32.
class ScaleShift final : public Module {
 public:
  /// @param scale, shift  [C], or [1] for all channels; undefined: 1, or 0, and not trained
  /// @throws std::invalid_argument  for another rank, none of the two, or counts that do not fit
  ScaleShift(const Tensor& scale, const Tensor& shift);

  const Variable& scale() const { return scale_; }  ///< undefined if there is none
  const Variable& shift() const { return shift_; }  ///< undefined if there is none
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Variable scale_, shift_;
};

}  // namespace quench
