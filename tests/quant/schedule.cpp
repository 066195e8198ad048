#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "quant/strategies/ab_options.h"

namespace quench::quant {
namespace {

TEST_CASE("figure 3 of Liu & Mattina 2019: from 2.0 to (5.506555, 1), on the grid point 6") {
  const AlphaSchedule schedule{.start = 5, .end = 20, .every = 5};
  double w = 2.0, alpha = 0.0;
  for (std::int64_t step = 0; step <= 20; ++step) {
    const double blend = (1.0 - alpha) * w + alpha * std::nearbyint(w);
    w -= 0.38 * (1.0 - alpha) * 2.0 * (blend - 5.7);
    alpha = schedule.after(step, alpha);
  }
  CHECK(w == doctest::Approx(5.506555).epsilon(1e-7));
  CHECK(alpha == 1.0);
  CHECK(std::nearbyint(w) == 6.0);
}

TEST_CASE("alpha computed at the end of a step applies from the next, and stays at 1") {
  const AlphaSchedule schedule{.start = 0, .end = 7, .every = 3};
  CHECK(schedule.after(0, 0.0) == 0.0);
  CHECK(schedule.after(2, 0.25) == 0.25);
  CHECK(schedule.after(3, 0.25) == doctest::Approx(1.0 - std::pow(4.0 / 7.0, 3)));
  CHECK(schedule.after(7, 0.25) == 0.25);
  CHECK(schedule.after(9, 0.25) == 1.0);
  CHECK(schedule.after(0, 1.0) == 1.0);
}

TEST_CASE("the exponential curve starts at `start` and jumps to 1 at `end`") {
  const AlphaSchedule schedule{
      .curve = AlphaSchedule::Curve::exponential, .start = 10, .end = 20, .lambda = 0.25};
  CHECK(schedule.at(10) == 0.0);
  CHECK(schedule.at(14) == doctest::Approx(1.0 - std::exp(-1.0)));
  CHECK(schedule.at(19) < 1.0);
  CHECK(schedule.at(20) == 1.0);
}

TEST_CASE("curves without a window are rejected") {
  CHECK_THROWS_AS(cubic_alpha(1, 5, 5), std::invalid_argument);
  CHECK_THROWS_AS(exponential_alpha(1, 0.0), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
