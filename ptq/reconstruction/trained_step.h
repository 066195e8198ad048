#pragma once

#include <cstdint>

#include "core/random.h"
#include "quant/quantizer.h"

namespace quench {

/// Takes the place of an activation's quantizer while its unit is reconstructed: the same grid with a
/// step that is trained, some elements left as they are.
///
///   y = s (clip(round(x / s), low, high)),  straight-through, with low and high as the zero point has them
///   dy/ds = round(x / s) - x / s inside, low or high outside
///   each element is y with probability `keep`, else x with its gradient (QDrop)
class TrainedStep final : public quant::Quantizer {
 public:
  /// @param of      the quantizer whose place it takes; it has a uniform grid
  /// @param random  for the elements of one forward pass after the other
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

/// a where uniform < share, else b, element by element; so is the gradient.
/// @throws std::invalid_argument  if the shapes differ
Variable mix(const Variable& a, const Variable& b, const Tensor& uniform, double share);

/// Gives a quantizer the step `step`, its zero point as it is.
/// @return whether it takes it: not one with steps that are powers of two, or without a range
bool set_step(quant::Quantizer& quantizer, float step);

}  // namespace quench
