#include "train/lr_schedule.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include "support/error.h"
#include "support/suggest.h"

namespace quench::train {
namespace {

using Terms = LrSchedule::Terms;

std::int64_t steps_since_warmup(const Terms& terms, std::int64_t step) {
  return std::max<std::int64_t>(step - terms.warmup_steps, 0);
}

/// The fraction of the training completed at `step`, without the warm-up: in [0, 1].
double progress(const Terms& terms, std::int64_t step) {
  const std::int64_t last = terms.span.steps() - terms.warmup_steps;
  const std::int64_t now = std::min(steps_since_warmup(terms, step), last);
  return static_cast<double>(now) / static_cast<double>(last);
}

double constant_lr(const Terms& terms, std::int64_t /*step*/) { return terms.base_lr; }

std::int64_t drops_until(const Terms& terms, std::int64_t step) {
  const ScheduleOptions& options = terms.options;
  if (options.drop_steps > 0) return step / options.drop_steps;
  const std::int64_t epoch = step / terms.span.steps_per_epoch;
  if (options.step_epochs > 0) return epoch / options.step_epochs;
  return std::ranges::upper_bound(options.milestones, epoch) - options.milestones.begin();
}

double step_lr(const Terms& terms, std::int64_t step) {
  return terms.base_lr *
         std::pow(static_cast<double>(terms.gamma), static_cast<double>(drops_until(terms, step)));
}

double exponential_lr(const Terms& terms, std::int64_t step) {
  const double base = terms.base_lr;
  return base * std::pow(terms.final_lr / base, progress(terms, step));
}

/// Half a cosine from base_lr to final_lr, for `part` from 0 to 1.
double half_cosine(const Terms& terms, double part) {
  const double base = terms.base_lr, final = terms.final_lr;
  return final + (base - final) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
}

double cosine_lr(const Terms& terms, std::int64_t step) {
  return half_cosine(terms, progress(terms, step));
}

/// The fraction of the time between two restarts that has passed: in [0, 1).
double since_restart(const Terms& terms, std::int64_t step) {
  const std::int64_t period = terms.options.restart_steps;
  return static_cast<double>(steps_since_warmup(terms, step) % period) /
         static_cast<double>(period);
}

double cosine_restarts_lr(const Terms& terms, std::int64_t step) {
  return half_cosine(terms, since_restart(terms, step));
}

double fat_lr(const Terms& terms, std::int64_t step) {
  const auto t = static_cast<double>(steps_since_warmup(terms, step));
  // A quarter of the half period: the cosine falls to 0.707 before it restarts.
  const double wave = std::cos(std::numbers::pi / 4.0 * since_restart(terms, step));
  return terms.base_lr * std::exp(-terms.decay * t) * std::abs(wave) + 1e-7;
}

struct Entry {
  std::string_view name;
  std::string_view summary;
  double (*curve)(const Terms& terms, std::int64_t step);
  bool restarts = false;
};

constexpr std::array kSchedules{
    Entry{"cosine", "half a cosine from base_lr to final_lr (Loshchilov & Hutter 2017)", cosine_lr},
    Entry{"exponential", "a constant ratio between steps, from base_lr to final_lr",
          exponential_lr},
    Entry{"step", "times gamma every step_epochs epochs or drop_steps steps, or at each milestone",
          step_lr},
    Entry{"cosine_restarts",
          "restarts the cosine and the optimizer every restart_steps steps (Loshchilov & Hutter "
          "2017)",
          cosine_restarts_lr, true},
    Entry{"fat", "FAT's decaying cosine with restarts (Goncharenko et al. 2018)", fat_lr, true},
    Entry{"constant", "always base_lr", constant_lr},
};

void check_drops(const ScheduleOptions& options) {
  require(static_cast<float>(options.gamma) > 0.0f && options.gamma <= 1.0,
          "schedule.gamma: expected a factor in (0, 1], got {}", options.gamma);
  require(options.step_epochs >= 0, "schedule.step_epochs: expected >= 0, got {}",
          options.step_epochs);
  require(options.drop_steps >= 0, "schedule.drop_steps: expected >= 0, got {}",
          options.drop_steps);
  const int given = static_cast<int>(options.step_epochs > 0) +
                    static_cast<int>(options.drop_steps > 0) +
                    static_cast<int>(!options.milestones.empty());
  require(given == 1,
          "schedule: expected exactly one of step_epochs, drop_steps and milestones for step, got "
          "{}, {} and [{}]",
          options.step_epochs, options.drop_steps, fmt::join(options.milestones, ", "));
  const auto not_after = [](std::int64_t a, std::int64_t b) { return b <= a; };
  require(
      options.milestones.empty() ||
          (options.milestones.front() > 0 &&
           std::ranges::adjacent_find(options.milestones, not_after) == options.milestones.end()),
      "schedule.milestones: expected increasing epochs > 0, got [{}]",
      fmt::join(options.milestones, ", "));
}

void check(double base_lr, const ScheduleOptions& options, const TrainingSpan& span) {
  require(std::isfinite(static_cast<float>(base_lr)) && base_lr >= 0.0,
          "schedule.base_lr: expected a finite rate >= 0, got {}", base_lr);
  require(options.final_lr >= 0.0 && options.final_lr <= base_lr,
          "schedule.final_lr: expected 0 <= final_lr <= base_lr = {}, got {}", base_lr,
          options.final_lr);
  require(span.epochs > 0, "schedule: expected > 0 epochs, got {}", span.epochs);
  require(span.steps_per_epoch > 0, "schedule: expected > 0 steps per epoch, got {}",
          span.steps_per_epoch);
  require(options.warmup_epochs >= 0.0 &&
              options.warmup_epochs < static_cast<double>(span.epochs) &&
              options.warmup_steps(span.steps_per_epoch) < span.steps(),
          "schedule.warmup_epochs: expected >= 0 and less than the {} epochs of the training, got "
          "{}",
          span.epochs, options.warmup_epochs);
  require(options.restart_steps > 0, "schedule.restart_steps: expected > 0, got {}",
          options.restart_steps);
  require(std::isfinite(static_cast<float>(options.decay)) && options.decay >= 0.0,
          "schedule.decay: expected a finite rate >= 0, got {}", options.decay);
  if (options.name == "step") check_drops(options);
  if (options.name == "exponential") {
    require(static_cast<float>(options.final_lr) > 0.0f,
            "schedule.final_lr: expected a rate > 0 for exponential, got {}", options.final_lr);
  }
}

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kSchedules) names.emplace_back(entry.name);
  return names;
}

}  // namespace

std::int64_t ScheduleOptions::warmup_steps(std::int64_t steps_per_epoch) const {
  return std::llround(warmup_epochs * static_cast<double>(steps_per_epoch));
}

LrSchedule::LrSchedule(double base_lr, const ScheduleOptions& options, const TrainingSpan& span) {
  const auto* entry = std::ranges::find(kSchedules, options.name, &Entry::name);
  require(entry != kSchedules.end(), "schedule.name: expected a known name, got '{}'{}",
          options.name, suggestion(options.name, schedule_names()));
  check(base_lr, options, span);
  terms_ = {.options = options,
            .span = span,
            .warmup_steps = options.warmup_steps(span.steps_per_epoch),
            .base_lr = static_cast<float>(base_lr),
            .final_lr = static_cast<float>(options.final_lr),
            .gamma = static_cast<float>(options.gamma),
            .decay = static_cast<float>(options.decay)};
  curve_ = entry->curve;
  restarts_ = entry->restarts;
}

float LrSchedule::at(std::int64_t step) const {
  require(step >= 0, "schedule: expected step >= 0, got {}", step);
  const double warmth = static_cast<double>(std::min(step, terms_.warmup_steps) + 1) /
                        static_cast<double>(terms_.warmup_steps + 1);
  return static_cast<float>(warmth * curve_(terms_, step));
}

bool LrSchedule::restarts_at(std::int64_t step) const {
  const std::int64_t t = step - terms_.warmup_steps;
  return restarts_ && t > 0 && t % terms_.options.restart_steps == 0;
}

std::vector<ScheduleInfo> registered_schedules() {
  std::vector<ScheduleInfo> known;
  for (const Entry& entry : kSchedules) {
    known.push_back({std::string(entry.name), std::string(entry.summary)});
  }
  return known;
}

}  // namespace quench::train
