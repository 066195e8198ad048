#include "quant/strategies/apot.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

using Levels = std::vector<std::int32_t>;

std::unique_ptr<Quantizer> activation(int bits, double alpha) {
  return make("apot", {.role = Role::activation, .bits = bits}, Settings::from({{"alpha", alpha}}));
}

Variable alpha_of(Quantizer& quantizer) { return quantizer.parameters()[0].second; }

TEST_CASE("levels of the authors' code, in units of the smallest power") {
  CHECK(apot_levels(1) == Levels{0, 1});
  CHECK(apot_levels(2) == Levels{0, 1, 2, 4});
  // {0, 1/2, 1/4, 1/16} + {0, 1/8}
  CHECK(apot_levels(3) == Levels{0, 1, 2, 3, 4, 6, 8, 10});
  // {0, 1/2, 1/8, 1/64} + {0, 1/4, 1/16, 1/128} + {0, 1/32}
  Levels five;
  for (const int a : {0, 64, 16, 2}) {
    for (const int b : {0, 32, 8, 1}) {
      for (const int c : {0, 4}) five.push_back(a + b + c);
    }
  }
  std::ranges::sort(five);
  CHECK(apot_levels(5) == five);
  CHECK_THROWS_AS(apot_levels(6), std::invalid_argument);
}

TEST_CASE("activations: unsigned after a ReLU, else a sign bit and the levels of one bit less") {
  const auto positive = activation(3, 10.0);
  pass(*positive, vector_of({0.0f, 2.0f}));
  CHECK(positive->grid().levels == apot_levels(3));
  CHECK(positive->grid().scale[0] == 1.0f);
  const auto both = activation(3, 4.0);
  pass(*both, Tensor::zeros({2}));  // ignored
  pass(*both, vector_of({-0.1f, 2.0f}));
  CHECK(both->grid().levels == Levels{-4, -2, -1, 0, 1, 2, 4});
  CHECK(both->grid().scale[0] == 1.0f);
}

TEST_CASE("activations: values on the levels, gradients of x inside and of alpha everywhere") {
  const auto quantizer = activation(2, 8.0);  // steps of 2: 0, 2, 4, 8
  quantizer->observe(vector_of({1.0f}));
  const Pass result = pass(*quantizer, vector_of({0.0f, 0.9f, 5.9f, 6.0f, 8.0f, 9.0f, NAN}));
  CHECK(result.output.to_row_major() == std::vector<float>{0, 0, 4, 8, 8, 8, 0});
  CHECK(result.gradient.to_row_major() == std::vector<float>{1, 1, 1, 1, 1, 0, 0});
  // (f(x) - x) / alpha inside, 1 beyond.
  CHECK(alpha_of(*quantizer).grad().item() ==
        doctest::Approx((-0.9 - 1.9 + 2.0 + 0.0) / 8.0 + 1.0).epsilon(1e-6));
}

TEST_CASE("weights are normalized, clipped at alpha deviations, and scaled back") {
  // Mean 1, deviation 2: normalized -1, 1, -1, 1.
  const Tensor w = vector_of({-1.0f, 3.0f, -1.0f, 3.0f});
  const auto quantizer = make("apot", {.bits = 3}, Settings::from({{"weight_alpha", 2.0}}));
  const Tensor upstream = vector_of({1.0f, 2.0f, 4.0f, 8.0f});
  const Pass result = pass(*quantizer, w, upstream);
  CHECK(quantizer->grid().scale[0] == 1.0f);  // 2 deviations of 2, in 4 steps
  CHECK(result.output.to_row_major() == std::vector<float>{-2, 2, -2, 2});
  CHECK(same_bits(result.gradient, upstream));

  // Beyond alpha, x keeps its gradient, and alpha gets deviation * sign.
  const auto clipping = make("apot", {.bits = 3}, Settings::from({{"weight_alpha", 0.5}}));
  const Pass clipped = pass(*clipping, w, upstream);
  CHECK(clipped.output.to_row_major() == std::vector<float>{-1, 1, -1, 1});
  CHECK(same_bits(clipped.gradient, upstream));
  CHECK(alpha_of(*clipping).grad().item() == 2.0f * (-1 + 2 - 4 + 8));

  const auto uncentered =
      make("apot", {.bits = 3}, Settings::from({{"normalize", "std"}, {"weight_alpha", 2.0}}));
  CHECK(pass(*uncentered, w).output.to_row_major() == std::vector<float>{-1, 4, -1, 4});
}

TEST_CASE("weights: the integers are the nearest to w - mean") {
  const auto quantizer = make("apot", {.bits = 4});
  quantizer->set_mode(Mode::evaluation);
  const Tensor w = random_tensor({5, 40}, 3);
  const auto codes = quantizer->codes(w);
  double mean = 0.0;
  for (const float value : w.span()) mean += double{value} / 200.0;
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    const double target = (double{w.data()[i]} - mean) / double{codes->grid.scale[0]};
    double nearest = INFINITY;
    for (const std::int32_t level : codes->grid.levels)
      nearest = std::min(nearest, std::abs(target - level));
    CHECK(std::abs(target - double{codes->values.data()[i]}) <= nearest + 1e-4);
  }
}

TEST_CASE("a constant weight has no deviation: its codes are 0") {
  const auto quantizer = make("apot", {.bits = 4});
  CHECK(pass(*quantizer, Tensor::full({3, 2}, 0.3f)).output.to_row_major() ==
        std::vector<float>(6, 0.0f));
}

TEST_CASE("widths whose levels do not fit 8-bit codes, and per-channel grids, are rejected") {
  CHECK_THROWS_WITH_AS(make("apot", {.bits = 7}),
                       "layer.slot: apot: expected bits in 2..6 for weights, got 7",
                       std::invalid_argument);
  CHECK_THROWS_AS(activation(6, 1.0), std::invalid_argument);
  CHECK_THROWS_AS(make("apot", {.bits = 4, .granularity = Granularity::per_channel}),
                  std::invalid_argument);
  CHECK_THROWS_AS(activation(4, 0.0), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
