#include "train/lr_schedule.h"

#include <array>

#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using train::LrSchedule;
using train::ScheduleOptions;

void check_rates(const Case& c, Comparison& check, const char* name, double base_lr,
                 const ScheduleOptions& options) {
  const LrSchedule schedule(base_lr, options, {});
  std::vector<double> rates;
  for (const std::int64_t step : c.params.at("steps")) rates.push_back(schedule.at(step));
  check.f32(name, rates, c.expect.at(name));
}

void fat(const Case& c, Comparison& check) {
  check_rates(
      c, check, "lr", c.params.at("lr"),
      {.name = "fat", .restart_steps = c.params.at("restart"), .decay = c.params.at("decay")});
}

void cosine_restart(const Case& c, Comparison& check) {
  check_rates(c, check, "lr", c.params.at("lr"),
              {.name = "cosine_restarts",
               .final_lr = c.params.at("lr_min"),
               .restart_steps = c.params.at("period")});
}

void tqt(const Case& c, Comparison& check) {
  // The paper counts in steps of 24 images.
  const auto steps = [&c](const char* every) {
    return c.params.at(every).get<std::int64_t>() * 24 / c.params.at("batch").get<std::int64_t>();
  };
  check_rates(c, check, "lr_w", c.params.at("lr_w0"),
              {.name = "step", .drop_steps = steps("every_w"), .gamma = c.params.at("decay_w")});
  check_rates(c, check, "lr_th", c.params.at("lr_th0"),
              {.name = "step", .drop_steps = steps("every_th"), .gamma = c.params.at("decay_th")});
}

constexpr std::array kOperations{Operation{"fat.lr", fat},
                                 Operation{"fat.lr_cosine_restart", cosine_restart},
                                 Operation{"tqt.lr", tqt}};

}  // namespace

std::span<const Operation> lr_schedule_operations() { return kOperations; }

}  // namespace quench::vectors
