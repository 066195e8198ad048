#pragma once

#include <cstdint>

#include "core/ops/activation.h"
#include "layers/module.h"
#include "layers/quantizable_module.h"

namespace quench {

/// What a sum does with its second operand.
enum class Sign : std::uint8_t { plus, minus };

/// activation(a + b), or activation(a - b), of two inputs of one shape: where a shortcut joins its
/// residual branch.
///
/// Each input has a slot for a quantizer, or both share one. In evaluation the sum is that of an
/// integer engine with float32 requantization: float(s1 (q1 - z1)) + float(s2 (q2 - z2)), or the
/// difference, each of the three operations rounded to float32. On one grid with a scale of a power of
/// two (TQT) this is exactly s (q1 + q2). The sum itself is rounded to integers by whoever reads it.
class Add final : public QuantizableModule {
 public:
  explicit Add(Activation activation = Activation::none, Sign sign = Sign::plus)
      : QuantizableModule(2), activation_(activation), sign_(sign) {}
  Activation activation() const { return activation_; }
  Sign sign() const { return sign_; }
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;

 private:
  Activation activation_;
  Sign sign_;
};

/// The largest, or the smallest, of two or more inputs of one shape, place by place.
///
/// It has no slot for a quantizer: the quantizer that reads its output decides the grid, and on one grid
/// the largest number has the largest code. The first of equals gets the gradient.
class Extremum final : public Module {
 public:
  enum class Kind : std::uint8_t { largest, smallest };

  explicit Extremum(Kind kind) : kind_(kind) {}
  Kind kind() const { return kind_; }
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;

 private:
  Kind kind_;
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

/// y = scale[c] x + shift[c] of [N, C] or [N, C, H, W]: what a product and a sum with constants are in
/// a network of another framework. A batch norm without statistics; integer inference makes one step
/// of it likewise. Product and sum are each rounded to float32.
class ScaleShift final : public Module {
 public:
  enum class Values : std::uint8_t { trained, constant };

  /// @param scale, shift  [C], or [1] for all channels; undefined: 1, or 0, and not trained
  /// @throws std::invalid_argument  for another rank, none of the two, or counts that do not fit
  ScaleShift(const Tensor& scale, const Tensor& shift, Values values = Values::trained);
  /// y = x + image, a constant with a number for each place of [N, C, H, W], such as a mean image that
  /// is taken off.
  /// @param image  [1, C, H, W] @throws std::invalid_argument  for another shape
  explicit ScaleShift(const Tensor& image);

  const Variable& scale() const { return scale_; }  ///< undefined if there is none
  const Variable& shift() const { return shift_; }  ///< undefined if there is none
  const Tensor& image() const { return image_; }    ///< undefined but for one that adds an image
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Variable scale_, shift_;
  Tensor image_;
};

}  // namespace quench
