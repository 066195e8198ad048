#include "experiments/trainer_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quench::train {

OptimizerOptions optimizer_options(const OptimizerConfig& config) {
  return {.name = config.name,
          .lr = static_cast<float>(config.lr),
          .momentum = static_cast<float>(config.momentum),
          .nesterov = config.nesterov,
          .weight_decay = static_cast<float>(config.weight_decay),
          .beta1 = static_cast<float>(config.beta1),
          .beta2 = static_cast<float>(config.beta2),
          .eps = static_cast<float>(config.eps),
          .glorot_scale = config.glorot_scale,
          .quantizer_lr_scale = static_cast<float>(config.quantizer_lr_scale)};
}

ScheduleOptions schedule_options(const ExperimentConfig& config, std::int64_t steps_per_epoch) {
  const ScheduleConfig& schedule = config.schedule;
  const std::int64_t total_steps = std::max<std::int64_t>(1, config.train.epochs * steps_per_epoch);
  const std::int64_t warmup_steps =
      std::llround(schedule.warmup_epochs * static_cast<double>(steps_per_epoch));
  if (warmup_steps >= total_steps) {
    config.root.table("schedule")
        .reject("warmup_epochs", fmt::format("less than train.epochs = {}", config.train.epochs));
  }
  return {.name = schedule.name,
          .base_lr = static_cast<float>(config.optimizer.lr),
          .final_lr = static_cast<float>(schedule.final_lr),
          .gamma = static_cast<float>(schedule.gamma),
          .step_epochs = schedule.step_epochs,
          .drop_steps = schedule.drop_steps,
          .milestones = schedule.milestones,
          .restart_steps = schedule.restart_steps,
          .decay = static_cast<float>(schedule.decay),
          .warmup_steps = warmup_steps,
          .total_steps = total_steps,
          .steps_per_epoch = steps_per_epoch};
}

std::int64_t count_steps(const ExperimentConfig& config, const datasets::Loader& loader) {
  const std::int64_t all = loader.batches_per_epoch(), limit = config.train.max_steps_per_epoch;
  return limit == 0 ? all : std::min(all, limit);
}

}  // namespace quench::train
