#pragma once

#include "quant/parts/activation_grid.h"
#include "quant/parts/trained_scale.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// The base of activation quantizers that train their clipping value alpha (parameter "alpha";
/// PACT, APoT). Keys of the method's table:
///   init = "constant"  alpha starts at the key `alpha`; or "max": at the largest |value| of the
///                      first batch that is not all zeros
///   alpha = ...        > 0
/// A calibrator sets alpha to the end of its range. The floor of alpha is 1e-6, or a
/// thousandth of its start if that is less.
class TrainedClip : public Quantizer, Calibratable, Limited {
 public:
  TrainedClip(const SlotSpec& spec, double fallback, ActivationGrid grid);

  void observe(const Tensor& x) override;
  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override;
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override { return alpha_.at_floor("alpha"); }
  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"alpha", alpha_.variable()}};
  }
  void step(std::int64_t) override { alpha_.clamp(slot()); }
  SavedState state() const override;
  void load_state(const SavedState& state) override;

 protected:
  /// Call before a training pass.
  void prepare(const Tensor& x) {
    observe(x);
    alpha_.clamp(slot());
  }
  const Variable& alpha() const { return alpha_.variable(); }
  /// @throws std::logic_error  before alpha has a value
  float alpha_value() const;
  const ActivationGrid& activation_grid() const { return grid_; }

 private:
  TrainedScale alpha_;
  ActivationGrid grid_;
};

}  // namespace quench::quant
