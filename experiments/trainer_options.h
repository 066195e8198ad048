#pragma once

#include <cstdint>

#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"

namespace quench::train {

/// What a config says, in the terms of what it is said to.
OptimizerOptions optimizer_options(const OptimizerConfig& config);
ScheduleOptions schedule_options(const ExperimentConfig& config, std::int64_t steps_per_epoch);

/// Optimizer steps of an epoch.
std::int64_t count_steps(const ExperimentConfig& config, const datasets::Loader& loader);

}  // namespace quench::train
