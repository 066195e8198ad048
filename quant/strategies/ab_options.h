#pragma once

#include <cstdint>
#include <string>

#include "quant/parts/activation_grid.h"
#include "quant/quantizer.h"
#include "quant/saved_state.h"
#include "support/settings.h"

namespace quench::quant {

/// A(step) of eq. 6 in Liu & Mattina 2019: 0 up to `start`, 1 - ((end - step) / (end - start))^3,
/// and 1 from `end` on. It is steepest at `start`, so place `start` where the float loss has
/// settled.
/// @throws std::invalid_argument  unless start < end
double cubic_alpha(std::int64_t step, std::int64_t start, std::int64_t end);

/// A(step) = 1 - exp(-lambda * step), 0 for step <= 0. It never reaches 1 in exact arithmetic.
/// @throws std::invalid_argument  unless lambda > 0
double exponential_alpha(std::int64_t step, double lambda);

/// The schedule of alpha over a run, as in algorithm 1 of Liu & Mattina 2019: alpha changes only at
/// the end of steps divisible by `every`, and a value computed at the end of step s applies from
/// step s + 1. Once alpha is 1, it stays 1.
struct AlphaSchedule {
  enum class Curve : std::uint8_t { cubic, exponential };

  Curve curve = Curve::cubic;
  std::int64_t start = 0;  ///< the last step with A = 0
  std::int64_t end = 1;    ///< the first with A = 1; the exponential curve jumps to 1 here
  std::int64_t every = 1;  ///< f, in steps
  double lambda = 0.0;     ///< rate of the exponential curve, per step after `start`

  /// A(step), ignoring `every`.
  double at(std::int64_t step) const;
  /// The alpha after step `step`, given the alpha during that step.
  double after(std::int64_t step, double alpha) const;
};

enum class AbGradient : std::uint8_t { by_optimizer, grad_scale, step_scale };
enum class AbActivation : std::uint8_t { blend_pure, blend_ste, ste, off_then_on };

/// The table [quant.ab]; quant/strategies/ab.h documents each key.
struct AbOptions {
  AbGradient gradient = AbGradient::by_optimizer;
  AbActivation activation = AbActivation::blend_ste;
  AlphaSchedule::Curve curve = AlphaSchedule::Curve::cubic;
  double start = 0.1;
  double end = 0.9;
  double lambda = 0.0;
  std::int64_t alpha_every = 1;
  std::int64_t project_every = 1;
  int ppq_updates = 0;
  bool mean_abs_scale = false;
  float latent_clip = 0.0f;
  ActivationGrid act_grid;  ///< with 2 bits for a 1-bit slot, which does not use it
  bool tail_ste = true;
  double momentum = 0.99;
  std::int64_t ppq_samples = 65536;

  AbOptions(const Settings& settings, int bits);
};

/// alpha during a run.
class AbAlpha {
 public:
  explicit AbAlpha(const AbOptions& options) : options_(options) {}

  void begin(const TrainingPlan& plan);
  void step(std::int64_t step);

  double value() const { return alpha_; }
  bool done() const { return alpha_ >= 1.0; }
  /// 1 - alpha as float32, computed in double so that it stays accurate near alpha = 1.
  float keep() const { return static_cast<float>(1.0 - alpha_); }
  std::int64_t next_step() const { return next_step_; }  ///< the step of the next forward pass

  void save(SavedState& state) const;
  void load(const SavedState& state, const std::string& slot);

 private:
  AbOptions options_;
  AlphaSchedule schedule_;
  double alpha_ = 0.0;
  std::int64_t next_step_ = 0;
};

std::unique_ptr<Quantizer> make_ab_weight(const SlotSpec& spec, const AbOptions& options);
std::unique_ptr<Quantizer> make_ab_activation(const SlotSpec& spec, const AbOptions& options);

}  // namespace quench::quant
