#pragma once

#include <span>

#include "core/tensor.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {

// What only some quantizers have beside a grid, a training pass and a state. One that has it derives
// from the interface and hands itself out: `Calibratable* calibratable() override { return this; }`.

struct TrainingPlan;

/// What sets a quantizer apart for those around it. It says so when it is made, for good.
struct Traits {
  bool quantizes = true;  ///< false for "none": values do not change at all
  /// A layer multiplies its output by how large its input is under each window (XNOR-Net's K,
  /// core/ops/patch_magnitude.h), which the grid does not hold.
  bool scales_output = false;
  /// Batch statistics gathered in training do not fit evaluation, because training's values lie, or
  /// lay not long ago, off the grid (alpha-blending).
  bool stale_batch_norm = false;
};

/// A grid that can start from ranges that a calibrator chose. What training does with it later is
/// the strategy's affair.
class Calibratable {
 public:
  /// One range, or one per channel.
  /// @throws std::invalid_argument  for another number of ranges
  virtual void calibrate(std::span<const ValueRange> ranges) = 0;

 protected:
  ~Calibratable() = default;
};

/// A say in how the optimizer moves the latent weight.
class LatentUpdate {
 public:
  /// Factor on the optimizer's step, in [0, 1].
  virtual float step_scale() const { return 1.0f; }
  /// Brings the weight back into the strategy's range after the step, e.g. clips to [-1, 1].
  virtual void project(Tensor& weight) const = 0;

 protected:
  ~LatentUpdate() = default;
};

/// Training by the plan of the run: a schedule, or random numbers from its seed. Without the plan such
/// a quantizer does not train (Quantizer::begin_training).
class Planned {
 public:
  virtual void begin(const TrainingPlan& plan) = 0;

 protected:
  ~Planned() = default;
};

}  // namespace quench::quant
