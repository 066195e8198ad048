#include "train/lr_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>

#include "support/error.h"
#include "support/suggest.h"

namespace quench::train {
namespace {

std::int64_t steps_since_warmup(const ScheduleOptions& options, std::int64_t step) {
  return std::max<std::int64_t>(step - options.warmup_steps, 0);
}

/// The part of the run behind `step`, without the warm-up: in [0, 1].
double progress(const ScheduleOptions& options, std::int64_t step) {
  const std::int64_t last = options.total_steps - options.warmup_steps;
  const std::int64_t now = std::min(steps_since_warmup(options, step), last);
  return static_cast<double>(now) / static_cast<double>(last);
}

double constant_lr(const ScheduleOptions& options, std::int64_t /*step*/) {
  return options.base_lr;
}

std::int64_t drops_until(const ScheduleOptions& options, std::int64_t step) {
  if (options.drop_steps > 0) return step / options.drop_steps;
  const std::int64_t epoch = step / options.steps_per_epoch;
  if (options.step_epochs > 0) return epoch / options.step_epochs;
  return std::ranges::upper_bound(options.milestones, epoch) - options.milestones.begin();
}

double step_lr(const ScheduleOptions& options, std::int64_t step) {
  return options.base_lr * std::pow(static_cast<double>(options.gamma),
                                    static_cast<double>(drops_until(options, step)));
}

double exponential_lr(const ScheduleOptions& options, std::int64_t step) {
  const double base = options.base_lr;
  return base * std::pow(options.final_lr / base, progress(options, step));
}

/// Half a cosine from base_lr to final_lr as `part` goes from 0 to 1.
double half_cosine(const ScheduleOptions& options, double part) {
  const double base = options.base_lr, final = options.final_lr;
  return final + (base - final) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
}

double cosine_lr(const ScheduleOptions& options, std::int64_t step) {
  return half_cosine(options, progress(options, step));
}

/// The part of the time between two restarts that has passed: in [0, 1).
double since_restart(const ScheduleOptions& options, std::int64_t step) {
  return static_cast<double>(steps_since_warmup(options, step) % options.restart_steps) /
         static_cast<double>(options.restart_steps);
}

double cosine_restarts_lr(const ScheduleOptions& options, std::int64_t step) {
  return half_cosine(options, since_restart(options, step));
}

double fat_lr(const ScheduleOptions& options, std::int64_t step) {
  const auto t = static_cast<double>(steps_since_warmup(options, step));
  // A quarter of the half period: the cosine falls no lower than 0.707 before it begins anew.
  const double wave = std::cos(std::numbers::pi / 4.0 * since_restart(options, step));
  return options.base_lr * std::exp(-options.decay * t) * std::abs(wave) + 1e-7;
}

struct Entry {
  std::string_view name;
  std::string_view summary;
  double (*curve)(const ScheduleOptions& options, std::int64_t step);
  bool restarts = false;
};

constexpr std::array kSchedules{
    Entry{"cosine", "half a cosine from base_lr to final_lr (Loshchilov & Hutter 2017)", cosine_lr},
    Entry{"exponential", "a constant ratio from step to step, from base_lr to final_lr",
          exponential_lr},
    Entry{"step",
          "times gamma every step_epochs epochs or drop_steps steps, or at each of the milestones",
          step_lr},
    Entry{"cosine_restarts",
          "a cosine anew, and a fresh optimizer, every restart_steps steps (Loshchilov & Hutter "
          "2017)",
          cosine_restarts_lr, true},
    Entry{"fat", "FAT's falling cosine with restarts (Goncharenko et al. 2018)", fat_lr, true},
    Entry{"constant", "base_lr all along", constant_lr},
};

std::string list_of(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) {
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  }
  return text;
}

void check_drops(const ScheduleOptions& options) {
  require(options.gamma > 0.0f && options.gamma <= 1.0f,
          "schedule.gamma: expected a factor in (0, 1], got {}", options.gamma);
  require(options.step_epochs >= 0, "schedule.step_epochs: expected >= 0, got {}",
          options.step_epochs);
  require(options.drop_steps >= 0, "schedule.drop_steps: expected >= 0, got {}",
          options.drop_steps);
  const int given = static_cast<int>(options.step_epochs > 0) +
                    static_cast<int>(options.drop_steps > 0) +
                    static_cast<int>(!options.milestones.empty());
  require(given == 1,
          "schedule: expected one of step_epochs, drop_steps and milestones for step, got {}, {} "
          "and [{}]",
          options.step_epochs, options.drop_steps, list_of(options.milestones));
  const auto not_after = [](std::int64_t a, std::int64_t b) { return b <= a; };
  require(
      options.milestones.empty() ||
          (options.milestones.front() > 0 &&
           std::ranges::adjacent_find(options.milestones, not_after) == options.milestones.end()),
      "schedule.milestones: expected increasing epochs > 0, got [{}]", list_of(options.milestones));
}

void check(const ScheduleOptions& options) {
  require(std::isfinite(options.base_lr) && options.base_lr >= 0.0f,
          "schedule.base_lr: expected a finite rate >= 0, got {}", options.base_lr);
  require(options.final_lr >= 0.0f && options.final_lr <= options.base_lr,
          "schedule.final_lr: expected 0 <= final_lr <= base_lr = {}, got {}", options.base_lr,
          options.final_lr);
  require(options.total_steps > 0, "schedule.total_steps: expected > 0, got {}",
          options.total_steps);
  require(options.warmup_steps >= 0 && options.warmup_steps < options.total_steps,
          "schedule.warmup_steps: expected 0 <= warmup_steps < total_steps = {}, got {}",
          options.total_steps, options.warmup_steps);
  require(options.steps_per_epoch > 0, "schedule.steps_per_epoch: expected > 0, got {}",
          options.steps_per_epoch);
  require(options.restart_steps > 0, "schedule.restart_steps: expected > 0, got {}",
          options.restart_steps);
  require(std::isfinite(options.decay) && options.decay >= 0.0f,
          "schedule.decay: expected a finite rate >= 0, got {}", options.decay);
  if (options.name == "step") check_drops(options);
  if (options.name == "exponential") {
    require(options.final_lr > 0.0f, "schedule.final_lr: expected > 0 for exponential, got {}",
            options.final_lr);
  }
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kSchedules) names.emplace_back(entry.name);
  return names;
}

}  // namespace

LrSchedule::LrSchedule(ScheduleOptions options) : options_(std::move(options)) {
  const auto* entry = std::ranges::find(kSchedules, options_.name, &Entry::name);
  require(entry != kSchedules.end(), "schedule.name: expected a known name, got '{}'{}",
          options_.name, suggestion(options_.name, known_names()));
  check(options_);
  curve_ = entry->curve;
  restarts_ = entry->restarts;
}

float LrSchedule::at(std::int64_t step) const {
  require(step >= 0, "schedule: expected step >= 0, got {}", step);
  const double warmth = static_cast<double>(std::min(step, options_.warmup_steps) + 1) /
                        static_cast<double>(options_.warmup_steps + 1);
  return static_cast<float>(warmth * curve_(options_, step));
}

bool LrSchedule::restarts_at(std::int64_t step) const {
  const std::int64_t t = step - options_.warmup_steps;
  return restarts_ && t > 0 && t % options_.restart_steps == 0;
}

std::vector<ScheduleInfo> registered_schedules() {
  std::vector<ScheduleInfo> known;
  for (const Entry& entry : kSchedules) {
    known.push_back({std::string(entry.name), std::string(entry.summary)});
  }
  return known;
}

}  // namespace quench::train
