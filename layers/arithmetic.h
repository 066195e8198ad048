#pragma once

#include <cstdint>

#include "core/ops/activation.h"
#include "layers/module.h"
#include "layers/quantizable_module.h"

namespace quench::layers {

/// Whether a sum adds or subtracts its second operand.
enum class Sign : std::uint8_t { plus, minus };

/// activation(a + b) or activation(a - b), for two inputs of the same shape: where a shortcut joins
/// its residual branch.
///
/// Each input has a slot for a quantizer, or both share one. Evaluation matches an integer engine
/// with float32 requantization: float(s1 (q1 - z1)) + float(s2 (q2 - z2)), or the difference, each
/// of the three operations rounded to float32. If both use one grid whose scale is a power of two
/// (TQT), this is exactly s (q1 + q2). The layer that reads the sum rounds it to integers.
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

/// The elementwise maximum or minimum of two or more inputs of the same shape.
///
/// It has no slot for a quantizer: the quantizer that reads its output decides the grid, and on one
/// grid the largest value has the largest code. If values are equal, the first gets the gradient.
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

/// The product of two activations. They have the same shape, or one is [N, C, H, W] and the other
/// [N, C, 1, 1], with one factor per channel of each image (squeeze-and-excitation, Hu et al. 2018,
/// arXiv:1709.01507).
///
/// Each input has a slot for a quantizer, on its own grid. If both are on grids, evaluation matches
/// an integer engine: float((q1 - z1)(q2 - z2)) * (s1 * s2); the integer is exact, and the two
/// other products are rounded to float32. If a grid has an offset (LSQ+), it is the rounded product
/// of the two real values s (q - z) + offset.
class Multiply final : public QuantizableModule {
 public:
  Multiply() : QuantizableModule(2) {}
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;
};

/// y = scale[c] x + shift[c] for [N, C] or [N, C, H, W]: a product and a sum with constants in an
/// imported network. It equals a batch norm without statistics, and integer inference likewise
/// treats it as one step. Product and sum are each rounded to float32.
class ScaleShift final : public Module {
 public:
  enum class Values : std::uint8_t { trained, constant };

  /// @param scale, shift  [C], or [1] for all channels; undefined: 1 or 0, not trained
  /// @throws std::invalid_argument  for another rank, if both are undefined, or if their sizes
  ///                                differ
  ScaleShift(const Tensor& scale, const Tensor& shift, Values values = Values::trained);
  /// y = x + image, with a constant for each channel and pixel of [N, C, H, W], such as a mean
  /// image to subtract.
  /// @param image  [1, C, H, W]
  /// @throws std::invalid_argument  for another shape
  explicit ScaleShift(const Tensor& image);

  const Variable& scale() const { return scale_; }  ///< may be undefined
  const Variable& shift() const { return shift_; }  ///< may be undefined
  const Tensor& image() const { return image_; }    ///< defined only by the second constructor
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Variable scale_, shift_;
  Tensor image_;
};

}  // namespace quench::layers
