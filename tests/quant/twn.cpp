#include "quant/strategies/twn.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

double squared_error(const Tensor& w, double alpha, double delta) {
  double total = 0.0;
  for (const float value : w.span()) {
    const double magnitude = std::abs(double{value});
    const double error = magnitude > delta ? magnitude - alpha : magnitude;
    total += error * error;
  }
  return total;
}

TEST_CASE("ternary_optimum: no other threshold has a smaller error") {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const Tensor w = random_tensor({57}, seed);
    const Ternary best = ternary_optimum(w, false, "w")[0];
    const double least = squared_error(w, best.alpha, best.delta);
    for (const float value : w.span()) {
      const double delta = std::abs(double{value});
      double sum = 0.0;
      int count = 0;
      for (const float other : w.span()) {
        if (std::abs(double{other}) <= delta) continue;
        sum += std::abs(double{other});
        ++count;
      }
      if (count > 0) CHECK(squared_error(w, sum / count, delta) >= least * (1.0 - 1e-12));
    }
  }
}

TEST_CASE("ternary_optimum: equal magnitudes stay together, zeros stay out") {
  const Ternary equal = ternary_optimum(vector_of({0.5f, -0.5f, 0.0f, 0.5f}), false, "w")[0];
  CHECK(equal.count == 3);
  CHECK(equal.alpha == 0.5);
  CHECK(equal.delta == 0.0);
  const Ternary zeros = ternary_optimum(Tensor::zeros({4}), false, "w")[0];
  CHECK(zeros.count == 0);
  CHECK(zeros.alpha == 0.0);
}

TEST_CASE("twn: a channel of zeros has codes 0 and scale 1, in training and evaluation") {
  for (const char* scale : {"threshold", "exact"}) {
    CAPTURE(scale);
    const auto quantizer = make("twn", {.bits = 2, .granularity = Granularity::per_channel},
                                Settings::from({{"scale", scale}}));
    const Tensor w =
        Tensor::from_row_major<float>({2, 3}, std::vector{0.0f, 0.0f, 0.0f, 4.0f, -2.0f, 0.1f});
    CHECK(pass(*quantizer, w).output.to_row_major() == std::vector<float>{0, 0, 0, 3, -3, 0});
    CHECK(quantizer->grid().scale == std::vector<float>{1.0f, 3.0f});
    quantizer->set_mode(Mode::evaluation);
    CHECK(quantizer->codes(w)->values.to_row_major() == std::vector<float>{0, 0, 0, 1, -1, 0});
  }
}

TEST_CASE("twn: a weight exactly at the threshold becomes 0") {
  // mean|w| = 1, delta = 0.5.
  const auto quantizer = make("twn", {.bits = 2}, Settings::from({{"threshold_factor", 0.5}}));
  CHECK(pass(*quantizer, vector_of({0.5f, -1.5f})).output.to_row_major() ==
        std::vector<float>{0.0f, -1.5f});
}

TEST_CASE("twn: if no weight exceeds the threshold, all codes are 0") {
  const auto quantizer = make("twn", {.bits = 2}, Settings::from({{"threshold_factor", 1.0}}));
  CHECK(pass(*quantizer, vector_of({2.0f, -2.0f})).output.to_row_major() ==
        std::vector<float>{0, 0});
  CHECK(quantizer->grid().scale[0] == 1.0f);
}

TEST_CASE("twn: a factor of 0 and other bits are rejected") {
  CHECK_THROWS_AS(make("twn", {.bits = 2}, Settings::from({{"threshold_factor", 0.0}})),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("twn", {.bits = 3}),
                       "layer.slot: twn: expected bits in 2..2 for weights, got 3",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
