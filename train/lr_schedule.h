#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::train {

/// The length of a training.
struct TrainingSpan {
  std::int64_t epochs = 1;           ///< > 0
  std::int64_t steps_per_epoch = 1;  ///< optimizer steps; > 0

  std::int64_t steps() const { return epochs * steps_per_epoch; }
};

/// Settings of a learning-rate schedule. Epochs and steps count from 0; rates and factors are
/// rounded to float32 before use.
struct ScheduleOptions {
  std::string name = "constant";  ///< one of registered_schedules()
  double warmup_epochs = 0.0;     ///< may be fractional; less than the training's epochs
  // step: exactly one of these three sets when the rate drops.
  std::int64_t step_epochs = 0;  ///< drops every step_epochs epochs
  std::int64_t drop_steps = 0;   ///< drops every drop_steps optimizer steps
  std::vector<std::int64_t> milestones =
      {};                            ///< drops at the first step of these epochs; increasing
  double gamma = 0.1;                ///< step: factor at each drop, in (0, 1]
  double final_lr = 0.0;             ///< final rate of cosine and exponential; in [0, base_lr]
  std::int64_t restart_steps = 400;  ///< cosine_restarts, fat: >= 1
  double decay = 1e-4;               ///< fat: per step; finite, >= 0

  /// warmup_epochs in optimizer steps.
  std::int64_t warmup_steps(std::int64_t steps_per_epoch) const;
};

/// The learning rate as a pure function of the optimizer step: a resumed run needs no state.
///
/// With base_lr the rate after warm-up, t = step - warmup_steps and T = span.steps() - warmup_steps:
///   constant         base_lr
///   step             base_lr * gamma^(drops so far), epochs and steps counted from step 0
///   exponential      base_lr * (final_lr / base_lr)^(t/T)
///   cosine           final_lr + (base_lr - final_lr) * (1 + cos(pi t/T)) / 2
///                    (Loshchilov & Hutter 2017, eq. 5)
///   cosine_restarts  the same with t mod restart_steps and restart_steps for t and T
///   fat              base_lr * exp(-decay t) * |cos(pi (t mod restart_steps)/(4 restart_steps))|
///                    + 1e-7 (Goncharenko et al. 2018, their code)
///
/// Warm-up multiplies the rate of step s by (s + 1) / (warmup_steps + 1): it rises linearly,
/// without a wasted step at rate 0, and step warmup_steps is the first at the full rate.
class LrSchedule {
 public:
  /// The inputs of a curve.
  struct Terms {
    ScheduleOptions options;
    TrainingSpan span;
    std::int64_t warmup_steps = 0;
    float base_lr = 0.0f, final_lr = 0.0f, gamma = 1.0f, decay = 0.0f;
  };

  /// @param base_lr  the rate after warm-up (OptimizerOptions::lr); finite, >= 0
  /// @throws std::invalid_argument  naming the key, if an option is out of range, if exponential
  ///                                has no positive final_lr, or if step does not have exactly one
  ///                                of step_epochs, drop_steps and milestones
  LrSchedule(double base_lr, const ScheduleOptions& options, const TrainingSpan& span);

  /// The rate of optimizer step `step`. Past the end of the run, cosine and exponential stay at
  /// final_lr.
  /// @throws std::invalid_argument  if step < 0
  float at(std::int64_t step) const;
  /// Whether a schedule with restarts restarts at `step`, so that the optimizer should reset its
  /// moments. False for the very first step.
  bool restarts_at(std::int64_t step) const;

 private:
  Terms terms_;
  double (*curve_)(const Terms& terms, std::int64_t step) = nullptr;
  bool restarts_ = false;
};

struct ScheduleInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All schedules, in table order.
std::vector<ScheduleInfo> registered_schedules();

}  // namespace quench::train
