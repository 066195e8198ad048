#include "train/lr_schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace quench::train {
namespace {

std::vector<float> rates(double base_lr, const ScheduleOptions& options, const TrainingSpan& span,
                         std::int64_t count) {
  const LrSchedule schedule(base_lr, options, span);
  std::vector<float> result;
  for (std::int64_t step = 0; step < count; ++step) result.push_back(schedule.at(step));
  return result;
}

void check_near(const std::vector<float>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-6));
  }
}

TEST_CASE("constant: the base rate at every step") {
  check_near(rates(0.5, {.name = "constant"}, {.epochs = 3}, 5), {0.5, 0.5, 0.5, 0.5, 0.5});
}

TEST_CASE("warm-up: equal rises, and step warmup_steps is the first at the full rate") {
  check_near(rates(1.0, {.name = "constant", .warmup_epochs = 0.8},
                   {.epochs = 2, .steps_per_epoch = 5}, 7),
             {0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0});
}

TEST_CASE("step: drops every step_epochs epochs") {
  check_near(rates(8.0, {.name = "step", .step_epochs = 2, .gamma = 0.5},
                   {.epochs = 5, .steps_per_epoch = 2}, 10),
             {8, 8, 8, 8, 4, 4, 4, 4, 2, 2});
}

TEST_CASE("step: drops at the first step of each milestone epoch") {
  check_near(rates(1.0, {.name = "step", .milestones = {1, 3}, .gamma = 0.1},
                   {.epochs = 4, .steps_per_epoch = 2}, 8),
             {1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01});
}

TEST_CASE("exponential: a constant ratio that ends at final_lr") {
  check_near(rates(16.0, {.name = "exponential", .final_lr = 1.0}, {.epochs = 4}, 6),
             {16, 8, 4, 2, 1, 1});
}

TEST_CASE("cosine: quarter points of half a cosine, then final_lr") {
  const double root = std::numbers::sqrt2 / 2.0;
  check_near(rates(3.0, {.name = "cosine", .final_lr = 1.0}, {.epochs = 4}, 6),
             {3.0, 2.0 + root, 2.0, 2.0 - root, 1.0, 1.0});
}

TEST_CASE("cosine: the reference run's lr0/2 (1 + cos(pi i/n)) + 1e-5") {
  const LrSchedule schedule(0.01 + 1e-5, {.name = "cosine", .final_lr = 1e-5},
                            {.epochs = 10, .steps_per_epoch = 100});
  for (const int i : {0, 1, 250, 500, 999}) {
    CAPTURE(i);
    const double expected = 0.01 * 0.5 * (1.0 + std::cos(std::numbers::pi * i / 1000)) + 1e-5;
    CHECK(schedule.at(i) == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("cosine: starts after the warm-up") {
  check_near(rates(1.0, {.name = "cosine", .warmup_epochs = 1.0}, {.epochs = 5}, 6),
             {0.5, 1.0, 0.5 + std::numbers::sqrt2 / 4.0, 0.5, 0.5 - std::numbers::sqrt2 / 4.0, 0});
}

TEST_CASE("step: drops every drop_steps optimizer steps, whatever the epochs") {
  check_near(rates(4.0, {.name = "step", .drop_steps = 3, .gamma = 0.5},
                   {.epochs = 2, .steps_per_epoch = 5}, 8),
             {4, 4, 4, 2, 2, 2, 1, 1});
}

TEST_CASE("schedules with restarts: the same curve again, counted from the end of the warm-up") {
  const ScheduleOptions cosine{
      .name = "cosine_restarts", .warmup_epochs = 0.1, .final_lr = 1.0, .restart_steps = 2};
  const TrainingSpan span{.epochs = 2, .steps_per_epoch = 10};
  check_near(rates(2.0, cosine, span, 6), {1.0, 2.0, 1.5, 2.0, 1.5, 2.0});
  const LrSchedule schedule(2.0, cosine, span);
  std::vector<std::int64_t> restarts;
  for (std::int64_t step = 0; step < 8; ++step) {
    if (schedule.restarts_at(step)) restarts.push_back(step);
  }
  CHECK(restarts == std::vector<std::int64_t>{3, 5, 7});
  CHECK_FALSE(LrSchedule(0.01, {.name = "cosine"}, {.epochs = 900}).restarts_at(400));
}

TEST_CASE("schedule errors name the key and what is accepted") {
  const auto message = [](const ScheduleOptions& options, double base_lr = 0.01,
                          const TrainingSpan& span = {}) -> std::string {
    try {
      LrSchedule{base_lr, options, span};
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message({.name = "cosin"}) ==
        "schedule.name: expected a known name, got 'cosin'; did you mean 'cosine'? "
        "(accepted: cosine, exponential, step, cosine_restarts, fat, constant)");
  CHECK(message({}, -1.0) == "schedule.base_lr: expected a finite rate >= 0, got -1");
  CHECK(message({.final_lr = 2.0}, 1.0) ==
        "schedule.final_lr: expected 0 <= final_lr <= base_lr = 1, got 2");
  CHECK(message({.warmup_epochs = 5.0}, 0.01, {.epochs = 5}) ==
        "schedule.warmup_epochs: expected >= 0 and less than the 5 epochs of the training, got 5");
  // Rounded to steps, it is all of them.
  CHECK(message({.warmup_epochs = 0.99}, 0.01, {.epochs = 1, .steps_per_epoch = 2}) ==
        "schedule.warmup_epochs: expected >= 0 and less than the 1 epochs of the training, got "
        "0.99");
  CHECK(message({}, 0.01, {.epochs = 0}) == "schedule: expected > 0 epochs, got 0");
  CHECK(message({}, 0.01, {.steps_per_epoch = 0}) ==
        "schedule: expected > 0 steps per epoch, got 0");
  CHECK(message({.name = "exponential"}) ==
        "schedule.final_lr: expected a rate > 0 for exponential, got 0");
  CHECK(message({.name = "step"}) ==
        "schedule: expected exactly one of step_epochs, drop_steps and milestones for step, got 0, "
        "0 and "
        "[]");
  CHECK(message({.name = "step", .step_epochs = 2, .milestones = {3}}) ==
        "schedule: expected exactly one of step_epochs, drop_steps and milestones for step, got 2, "
        "0 and "
        "[3]");
  CHECK(message({.name = "step", .step_epochs = 2, .drop_steps = 7}) ==
        "schedule: expected exactly one of step_epochs, drop_steps and milestones for step, got 2, "
        "7 and "
        "[]");
  CHECK(message({.name = "fat", .restart_steps = 0}) ==
        "schedule.restart_steps: expected > 0, got 0");
  CHECK(message({.name = "fat", .decay = -1.0}) ==
        "schedule.decay: expected a finite rate >= 0, got -1");
  CHECK(message({.name = "step", .milestones = {3, 3}}) ==
        "schedule.milestones: expected increasing epochs > 0, got [3, 3]");
  CHECK(message({.name = "step", .step_epochs = 1, .gamma = 0.0}) ==
        "schedule.gamma: expected a factor in (0, 1], got 0");
  CHECK_THROWS_AS(LrSchedule(0.01, {}, {}).at(-1), std::invalid_argument);
}

TEST_CASE("every registered schedule can be made and gives positive rates") {
  for (const ScheduleInfo& info : registered_schedules()) {
    CAPTURE(info.name);
    CHECK_FALSE(info.summary.empty());
    ScheduleOptions options{.name = info.name, .final_lr = 0.001};
    if (info.name == "step") options.step_epochs = 3;
    for (const float rate : rates(0.01, options, {.epochs = 10}, 10)) CHECK(rate > 0.0f);
  }
}

}  // namespace
}  // namespace quench::train
