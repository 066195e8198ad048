#include "experiments/report/plots/axis.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace quench::experiments::report;

namespace {

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> result;
  for (const Tick& tick : axis.ticks) result.push_back(tick.label);
  return result;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("tick_step: the largest 1-2-5 step with enough multiples in the range") {
  for (const auto& [low, high, least, step] : {std::tuple{0.0, 1.0, 3, 0.5},
                                               {0.0, 1.0, 4, 0.2},
                                               {-4.2, 4.2, 3, 2.0},  // a step of 5 has one
                                               {-0.51, 0.51, 3, 0.5},
                                               {-1.3, 0.9, 3, 0.5},
                                               {1.0, 60.0, 5, 10.0},  // 10, 20, ..., 60
                                               {0.0, 0.3, 4, 0.1},
                                               {99.1, 99.9, 3, 0.2},
                                               {1e-7, 4e-7, 4, 1e-7},
                                               {-3e5, 9e5, 3, 2e5}}) {  // by 5e5: 0 and 500,000
    CAPTURE(low);
    CAPTURE(high);
    CHECK(tick_step(low, high, least) == doctest::Approx(step));
  }
  CHECK_THROWS_AS(tick_step(1.0, 1.0, 3), std::invalid_argument);
  CHECK_THROWS_AS(tick_step(0.0, NAN, 3), std::invalid_argument);
  CHECK_THROWS_AS(tick_step(0.0, INFINITY, 3), std::invalid_argument);
}

TEST_CASE("tick_label: equal decimals, a typographic minus, no sign at 0") {
  CHECK(tick_label(0.30000000000000004, 0.1) == "0.3");
  CHECK(tick_label(1.0, 0.05) == "1.00");
  CHECK(tick_label(-1.5, 0.5) == "−1.5");
  CHECK(tick_label(-0.0, 0.5) == "0.0");
  CHECK(tick_label(1500.0, 500.0) == "1500");
  CHECK(tick_label(0.004, 0.001) == "0.004");
}

TEST_CASE("linear axis: ticks inside the range, ends included in spite of rounding") {
  CHECK(labels(linear_axis(0.0, 0.3, 0.1)) == Labels{"0.0", "0.1", "0.2", "0.3"});
  CHECK(labels(linear_axis(-0.25, 0.25, 0.1)) == Labels{"−0.2", "−0.1", "0.0", "0.1", "0.2"});
  CHECK(linear_axis(-1.0, 3.0, 1.0).position(0.0) == 0.25);
}

TEST_CASE("extended axis: whole steps, and room around a single value") {
  CHECK(labels(extended_axis(12.0, 47.0, 3)) == Labels{"10", "20", "30", "40", "50"});
  CHECK(labels(extended_axis(0.0, 100.0, 5)) == Labels{"0", "20", "40", "60", "80", "100"});
  // 50 - 5 and 50 + 5, by 2 at the most: 46, 48, ..., 54 are five.
  CHECK(labels(extended_axis(50.0, 50.0, 5)) == Labels{"44", "46", "48", "50", "52", "54", "56"});
  CHECK(labels(extended_axis(0.0, 0.0, 3)) == Labels{"−1", "0", "1"});
  const Axis negative = extended_axis(-8.0, -8.0, 3);
  CHECK(negative.low < -8.0);
  CHECK(negative.high > -8.0);
}

TEST_CASE("log axis: 1, 2 and 5 in every decade, powers of ten if these are too many") {
  CHECK(labels(log_axis(0.003, 0.08, 8)) ==
        Labels{"0.002", "0.005", "0.01", "0.02", "0.05", "0.1"});
  CHECK(labels(log_axis(1e-4, 1.0, 8)) == Labels{"0.0001", "0.001", "0.01", "0.1", "1"});
  // From 1e-12 to 10 with four ticks at most: every fourth power of ten.
  CHECK(labels(log_axis(1e-12, 3.0, 4)) == Labels{"1e−12", "1e−8", "0.0001", "1"});
  CHECK(log_axis(1e-12, 3.0, 4).high == 10.0);
  // A single value that is a tick gets one more on each side.
  CHECK(labels(log_axis(0.1, 0.1, 8)) == Labels{"0.05", "0.1", "0.2"});
  CHECK(labels(log_axis(0.001f, 0.001f, 8)) == Labels{"0.0005", "0.001", "0.002"});
  CHECK(log_axis(0.01, 1.0, 8).position(0.1) == doctest::Approx(0.5));
  CHECK_THROWS_AS(log_axis(0.0, 1.0, 8), std::invalid_argument);
  CHECK_THROWS_AS(log_axis(1.0, INFINITY, 8), std::invalid_argument);
}
