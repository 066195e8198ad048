#pragma once

#include <cstdint>
#include <string>

#include "quant/parts/activation_grid.h"
#include "quant/quantizer.h"
#include "quant/saved_state.h"
#include "quant/strategies/schedule.h"
#include "support/settings.h"

namespace quench::quant {

enum class AbGradient : std::uint8_t { by_optimizer, grad_scale, step_scale };
enum class AbActivation : std::uint8_t { blend_pure, blend_ste, ste, off_then_on };

/// The table [quant.ab]; quant/strategies/ab.h says what each key means.
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
  ActivationGrid act_grid;  ///< of 2 bits for a slot of 1, which has no use for it
  bool tail_ste = true;
  double momentum = 0.99;
  std::int64_t ppq_samples = 65536;

  AbOptions(const Settings& settings, int bits);
};

/// alpha in the course of a run.
class AbAlpha {
 public:
  explicit AbAlpha(const AbOptions& options) : options_(options) {}

  void begin(const TrainingPlan& plan);
  void step(std::int64_t step);

  double value() const { return alpha_; }
  bool done() const { return alpha_ >= 1.0; }
  /// 1 - alpha as float32, taken from the double so that it keeps its digits near alpha = 1.
  float keep() const { return static_cast<float>(1.0 - alpha_); }
  std::int64_t next_step() const { return next_step_; }  ///< the one whose forward pass comes next

  void save(SavedState& state) const;
  void load(const SavedState& state, const std::string& slot);

 private:
  AbOptions options_;
  AlphaSchedule schedule_;
  bool scheduled_ = false;
  double alpha_ = 0.0;
  std::int64_t next_step_ = 0;
};

std::unique_ptr<Quantizer> make_ab_weight(const QuantizerSpec& spec, const AbOptions& options);
std::unique_ptr<Quantizer> make_ab_activation(const QuantizerSpec& spec, const AbOptions& options);

}  // namespace quench::quant
