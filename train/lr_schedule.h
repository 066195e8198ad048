#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::train {

/// Settings of a learning-rate schedule. Epochs and steps count from 0.
struct ScheduleOptions {
  std::string name = "constant";  ///< one of registered_schedules()
  float base_lr = 0.01f;          ///< the rate after warm-up; finite, >= 0
  float final_lr = 0.0f;          ///< where cosine and exponential end; in [0, base_lr]
  float gamma = 0.1f;             ///< step: factor at each drop, in (0, 1]
  // step: exactly one of the three says when the rate drops.
  std::int64_t step_epochs = 0;               ///< every so many epochs
  std::int64_t drop_steps = 0;                ///< every so many optimizer steps
  std::vector<std::int64_t> milestones = {};  ///< at the first step of these epochs, increasing
  std::int64_t restart_steps = 400;           ///< cosine_restarts, fat: >= 1
  float decay = 1e-4f;                        ///< fat: per step; finite, >= 0
  std::int64_t warmup_steps = 0;              ///< below total_steps
  std::int64_t total_steps = 1;  ///< optimizer steps of the whole run, warm-up included
  std::int64_t steps_per_epoch = 1;
};

/// The learning rate as a pure function of the optimizer step: a resumed run needs no state.
///
/// With t = step - warmup_steps, T = total_steps - warmup_steps:
///   constant         base_lr
///   step             base_lr * gamma^(drops so far), epochs and steps counted from step 0
///   exponential      base_lr * (final_lr / base_lr)^(t/T)
///   cosine           final_lr + (base_lr - final_lr) * (1 + cos(pi t/T)) / 2
///                    (Loshchilov & Hutter 2017, eq. 5)
///   cosine_restarts  the same with t mod restart_steps and restart_steps in place of t and T
///   fat              base_lr * exp(-decay t) * |cos(pi (t mod restart_steps)/(4 restart_steps))|
///                    + 1e-7 (Goncharenko et al. 2018, their code)
///
/// Warm-up multiplies the rate of step s by (s + 1) / (warmup_steps + 1): it rises in equal parts,
/// never from a wasted step at 0, and step warmup_steps is the first at the full rate.
class LrSchedule {
 public:
  /// @throws std::invalid_argument  naming the key, if an option is not as above, if exponential
  ///                                has no positive final_lr, or if step has both or neither of
  ///                                step_epochs and milestones
  explicit LrSchedule(ScheduleOptions options);

  /// The rate of optimizer step `step`. Past the end of the run, cosine and exponential stay at
  /// final_lr.
  /// @throws std::invalid_argument  if step < 0
  float at(std::int64_t step) const;
  /// Whether a schedule with restarts begins anew at `step`, which is a moment for the optimizer to
  /// forget its moments. Not at the first step of all.
  bool restarts_at(std::int64_t step) const;

 private:
  ScheduleOptions options_;
  double (*curve_)(const ScheduleOptions& options, std::int64_t step) = nullptr;
  bool restarts_ = false;
};

struct ScheduleInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All schedules, in the order of their table.
std::vector<ScheduleInfo> registered_schedules();

}  // namespace quench::train
