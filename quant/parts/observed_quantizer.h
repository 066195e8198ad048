#pragma once

#include "quant/code.h"
#include "quant/parts/activation_grid.h"
#include "quant/parts/straight_through.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// The base of methods that define a gradient but not a grid: a symmetric grid of 2 to 8 bits, with
/// a range that follows the values.
///
///   weight      s = max|w| / qmax of each forward pass, signed narrow, per tensor or channel
///   activation s = exponential average (`momentum`) of max|x| / qmax, frozen in evaluation,
///               or started by a calibrator; grid as in `act_grid`
///
/// Settings of the method's table, with their defaults:
///   act_grid = "auto"   quant/parts/activation_grid.h
///   momentum = 0.99     in [0, 1]
class ObservedQuantizer : public Quantizer, Calibratable {
 public:
  explicit ObservedQuantizer(const SlotSpec& spec);

  QuantGrid grid() const override;
  void observe(const Tensor& x) override;

  Calibratable* calibratable() override { return role() == Role::activation ? this : nullptr; }
  void calibrate(std::span<const ValueRange> ranges) override;

  SavedState state() const override;
  void load_state(const SavedState& state) override;

 protected:
  /// The codes of grid(), the same for all channels.
  CodeRange codes_range() const;
  /// The window in which the gradient passes: from the grid's first to its last value. Unbounded
  /// for weights, whose grid covers the largest value up to rounding of the scale.
  Window gradient_window(float scale) const;

 private:
  void observe_weight(const Tensor& x);
  void observe_activation(const Tensor& x);

  ActivationGrid activation_grid_;
  ActivationScale activation_scale_;
  QuantGrid weight_grid_;
  bool weight_seen_ = false;
};

}  // namespace quench::quant
