#include "quant/strategies/ab_options.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::quant {

double cubic_alpha(std::int64_t step, std::int64_t start, std::int64_t end) {
  require(start < end, "cubic_alpha: expected start < end, got {} and {}", start, end);
  if (step <= start) return 0.0;
  if (step >= end) return 1.0;
  const double left = static_cast<double>(end - step) / static_cast<double>(end - start);
  return 1.0 - left * left * left;
}

double exponential_alpha(std::int64_t step, double lambda) {
  require(lambda > 0.0, "exponential_alpha: expected lambda > 0, got {}", lambda);
  return step <= 0 ? 0.0 : -std::expm1(-lambda * static_cast<double>(step));
}

double AlphaSchedule::at(std::int64_t step) const {
  if (curve == Curve::cubic) return cubic_alpha(step, start, end);
  return step >= end ? 1.0 : exponential_alpha(step - start, lambda);
}

double AlphaSchedule::after(std::int64_t step, double alpha) const {
  return step % every == 0 && alpha < 1.0 ? at(step) : alpha;
}

namespace {

AbGradient read_gradient(const Settings& settings) {
  const std::string name = settings.choice({"gradient_mode",
                                            "what 1 - alpha scales: gradients or steps of weights; "
                                            "auto: steps with Adam, else gradients"},
                                           "auto", {"auto", "grad_scale", "step_scale"});
  if (name == "auto") return AbGradient::by_optimizer;
  return name == "grad_scale" ? AbGradient::grad_scale : AbGradient::step_scale;
}

AbActivation read_activation(const Settings& settings, int bits) {
  const std::string name = settings.choice(
      {"activation", "how activations blend; auto: blend_pure at 1 bit, else blend_ste"}, "auto",
      {"auto", "blend_pure", "blend_ste", "ste", "off_then_on"});
  if (name == "auto") return bits == 1 ? AbActivation::blend_pure : AbActivation::blend_ste;
  if (name == "blend_pure") return AbActivation::blend_pure;
  if (name == "blend_ste") return AbActivation::blend_ste;
  return name == "ste" ? AbActivation::ste : AbActivation::off_then_on;
}

/// A curve within 0.001 of 1 may jump to 1.
constexpr double kJump = 1e-3;

}  // namespace

AbOptions::AbOptions(const Settings& settings, int bits)
    : gradient(read_gradient(settings)),
      activation(read_activation(settings, bits)),
      curve(settings.choice({"schedule", "curve of alpha"}, "cubic", {"cubic", "exponential"}) ==
                    "cubic"
                ? AlphaSchedule::Curve::cubic
                : AlphaSchedule::Curve::exponential),
      start(settings.number({"start", "fraction of the run up to which alpha is 0"}, 0.1,
                            {0.0, 1.0})),
      end(settings.number({"end", "fraction of the run from which alpha is 1"}, 0.9, {0.0, 1.0})),
      lambda(
          settings.number({"lambda", "exponential: rate per step; 0 leaves 0.001 to jump at end"},
                          0.0, at_least(0.0))),
      alpha_every(
          settings.integer({"alpha_every", "steps between two changes of alpha"}, 1, {.min = 1})),
      project_every(settings.integer(
          {"project_every", "steps between two projections of weights onto the grid"}, 1,
          {.min = 1})),
      ppq_updates(static_cast<int>(settings.integer(
          {"ppq_updates", "most updates of a projection; 0: until the codes repeat"}, 0,
          {0, 100}))),
      mean_abs_scale(settings.choice({"binary_scale",
                                      "1 bit: scale of weights, 1 or their mean absolute value"},
                                     "none", {"none", "mean_abs"}) == "mean_abs"),
      latent_clip(static_cast<float>(settings.number(
          {"latent_clip", "clip latent weights to [-c, c] after each step; 0 is off"}, 0.0,
          at_least(0.0)))),
      // PPQ does not support grids with more negative than positive codes.
      act_grid(settings, "signed_narrow", std::max(bits, 2), ActivationGrid::Signed::narrow,
               {"auto", "signed_narrow", "unsigned"}),
      tail_ste(settings.choice(
                   {"tail_gradient", "blend_pure once alpha is 1: straight-through, or none"},
                   "ste", {"ste", "pure"}) == "ste"),
      momentum(settings.number({"momentum", "of the average scale of activations over batches"},
                               0.99, {0.0, 1.0})),
      ppq_samples(
          settings.integer({"ppq_samples", "values of an activation that a projection looks at"},
                           65536, {.min = 1})) {
  if (start >= end) settings.reject("end", fmt::format("more than start = {}", start));
}

void AbAlpha::begin(const TrainingPlan& plan) {
  const auto total = static_cast<double>(plan.total_steps);
  schedule_.curve = options_.curve;
  schedule_.start = std::llround(options_.start * total);
  // In a very short run both may round to the same step; the window needs at least one.
  schedule_.end = std::max<std::int64_t>(std::llround(options_.end * total), schedule_.start + 1);
  schedule_.every = options_.alpha_every;
  const auto window = static_cast<double>(schedule_.end - schedule_.start);
  schedule_.lambda = options_.lambda > 0.0 ? options_.lambda : -std::log(kJump) / window;
}

void AbAlpha::step(std::int64_t step) {
  next_step_ = step + 1;
  alpha_ = schedule_.after(step, alpha_);
}

void AbAlpha::save(SavedState& state) const {
  state["alpha"] = state_number(alpha_);
  state["next_step"] = state_number(static_cast<double>(next_step_));
}

void AbAlpha::load(const SavedState& state, const std::string& slot) {
  const double alpha = state_number(state, "alpha", slot);
  require(alpha >= 0.0 && alpha <= 1.0, "{}: expected alpha in [0, 1], got {}", slot, alpha);
  next_step_ = static_cast<std::int64_t>(state_number(state, "next_step", slot));
  alpha_ = alpha;
}

}  // namespace quench::quant
