#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {

// Optional capabilities of quantizers. A quantizer derives from the interface and returns itself:
// `Calibratable* calibratable() override { return this; }`.

struct TrainingPlan;

/// Properties of a quantizer that its surroundings need to know. Set at construction, never
/// changed.
struct Traits {
  bool quantizes = true;  ///< false for "none": values do not change
  /// The layer multiplies its output by the magnitude of its input under each window (XNOR-Net's K,
  /// core/ops/patch_magnitude.h), which is not part of the grid.
  bool scales_output = false;
  /// Batch statistics from training do not match evaluation, because the values in training are, or
  /// recently were, off the grid (alpha-blending).
  bool stale_batch_norm = false;
};

/// A quantizer whose grid can start from calibrated ranges. How training changes it later is up to
/// the strategy.
class Calibratable {
 public:
  /// One range, or one per channel.
  /// @throws std::invalid_argument  for the wrong number of ranges
  virtual void calibrate(std::span<const ValueRange> ranges) = 0;

 protected:
  ~Calibratable() = default;
};

/// Controls how the optimizer updates the latent weight.
class LatentUpdate {
 public:
  /// A factor on the optimizer's step, in [0, 1].
  virtual float step_scale() const { return 1.0f; }
  /// Brings the weight back into the strategy's range after the step, e.g. clips to [-1, 1].
  virtual void project(Tensor& weight) const = 0;

 protected:
  ~LatentUpdate() = default;
};

/// Values of a trained parameter that are at a limit.
struct ValuesAtLimit {
  std::string what;        ///< parameter and limit: "scale at its floor"
  std::int64_t count = 0;  ///< >= 1
  std::int64_t of = 0;     ///< the values of the parameter
};

/// Trained values with limits. Training brings a value to one if it diverges, and does not report that by
/// itself: loss and accuracy remain finite.
class Limited {
 public:
  /// The parameters with values at a limit after the latest step; none if all train freely.
  virtual std::vector<ValuesAtLimit> at_limit() const = 0;

 protected:
  ~Limited() = default;
};

/// A quantizer that needs the run's plan: for a schedule, or for random numbers from the run's
/// seed. It cannot train without the plan (Quantizer::begin_training).
class Planned {
 public:
  virtual void begin(const TrainingPlan& plan) = 0;

 protected:
  ~Planned() = default;
};

}  // namespace quench::quant
