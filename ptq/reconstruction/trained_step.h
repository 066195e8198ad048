#pragma once

#include <cstdint>

#include "core/random.h"
#include "quant/quantizer.h"

namespace quench::ptq {

/// Replaces an activation's quantizer while its unit is reconstructed: the same grid with a trained
/// step; some elements are left unquantized.
///
///   y = s (clip(round(x / s), low, high)),  straight-through, with low and high shifted by the zero point
///   dy/ds = round(x / s) - x / s inside, low or high outside
///   each element is y with probability `keep`, else x with its gradient (QDrop)
class TrainedStep final : public quant::Quantizer {
 public:
  /// @param of      the quantizer to replace; must have a uniform grid
  /// @param random  selects the elements, in each forward pass
  TrainedStep(const quant::Quantizer& of, double keep, Random random);

  const Variable& step_size() const { return step_; }
  /// Keeps the step positive.
  void clamp();
  void set_keep(double keep) { keep_ = keep; }

  quant::QuantGrid grid() const override;
  void observe(const Tensor& /*x*/) override {}

 protected:
  Variable train_forward(const Variable& x) override;

 private:
  quant::QuantGrid grid_;
  double keep_;
  Random random_;
  Variable step_;
};

/// a where uniform < share, else b, element-wise; likewise the gradient.
/// @throws std::invalid_argument  if the shapes differ
Variable mix(const Variable& a, const Variable& b, const Tensor& uniform, double share);

/// Sets a quantizer's step and keeps its zero point.
/// @return whether it succeeded: false for power-of-two steps, or without a range
bool set_step(quant::Quantizer& quantizer, float step);

}  // namespace quench::ptq
