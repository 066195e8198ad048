#include "quant/strategies/dorefa.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("weights are odd integers: the largest tanh is the last, and a weight of 0 is +1") {
  const auto quantizer = make("dorefa", {.bits = 2});
  // tanh: 0.7616, 0.1974, -0.6640, 0; in thirds of the largest: 3, 0.78, -2.6, 0.
  const Pass result = pass(*quantizer, vector_of({1.0f, 0.2f, -0.8f, 0.0f}));
  const float third = 1.0f / 3.0f;
  CHECK(result.output.to_row_major() == std::vector<float>{1.0f, third, -1.0f, third});
  const QuantGrid grid = quantizer->grid();
  CHECK(grid.levels == std::vector<std::int32_t>{-3, -1, 1, 3});
  CHECK(grid.scale == std::vector<float>{third});
}

TEST_CASE("weights: the codes are those of the formula in double, away from ties") {
  for (const int bits : {2, 3, 4, 8}) {
    CAPTURE(bits);
    const auto quantizer = make("dorefa", {.bits = bits});
    quantizer->set_mode(Mode::evaluation);
    const Tensor w = random_tensor({4000}, 5, 0.7f);
    const auto codes = quantizer->codes(w);
    double largest = 0.0;
    for (const float v : w.span()) largest = std::max(largest, std::abs(std::tanh(double{v})));
    const double last = (1 << bits) - 1;
    std::int64_t wrong = 0, near_tie = 0;
    for (std::int64_t i = 0; i < w.numel(); ++i) {
      const double position = last * (std::tanh(double{w.data()[i]}) / (2 * largest) + 0.5);
      if (std::abs(position - std::floor(position) - 0.5) < 1e-4) {
        ++near_tie;
        continue;
      }
      const double want = 2.0 * std::nearbyint(position) - last;
      if (double{codes->values.data()[i]} != want) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(near_tie < 10);
  }
}

/// The loss sum g f(w) with the round left out, as the straight-through gradient sees it.
double smooth_loss(const std::vector<double>& w, const std::vector<double>& g) {
  double largest = 0.0, loss = 0.0;
  for (const double v : w) largest = std::max(largest, std::abs(std::tanh(v)));
  for (std::size_t i = 0; i < w.size(); ++i) loss += g[i] * std::tanh(w[i]) / largest;
  return loss;
}

TEST_CASE(
    "max_gradient = full is the derivative of tanh(w) / max|tanh|, also where it is largest") {
  const Tensor w = vector_of({0.3f, -1.25f, 0.7f, 1.0f}), g = vector_of({1.0f, 0.5f, -2.0f, 0.25f});
  const auto full = make("dorefa", {.bits = 4}, Settings::from({{"max_gradient", "full"}}));
  const Tensor gradient = pass(*full, w, g).gradient;
  const std::vector<double> weights(w.data(), w.data() + 4), upstream(g.data(), g.data() + 4);
  for (std::size_t i = 0; i < 4; ++i) {
    std::vector<double> above = weights, below = weights;
    above[i] += 1e-5;
    below[i] -= 1e-5;
    const double slope = (smooth_loss(above, upstream) - smooth_loss(below, upstream)) / 2e-5;
    CHECK(gradient.data()[i] == doctest::Approx(slope).epsilon(1e-5));
  }
}

TEST_CASE("1-bit weights: the sign times mean|w|, with an unchanged gradient") {
  const auto quantizer = make("dorefa", {.bits = 1});
  const Pass result = pass(*quantizer, vector_of({-3.0f, 0.0f, 1.0f, 2.0f}));
  CHECK(result.output.to_row_major() == std::vector<float>{-1.5f, 1.5f, 1.5f, 1.5f});
  CHECK(result.gradient.to_row_major() == std::vector<float>{1, 1, 1, 1});
  CHECK(quantizer->grid().binary());
}

TEST_CASE("all-zero weights become the grid's smallest value, and keep their gradient") {
  for (const int bits : {1, 4}) {
    const auto quantizer = make("dorefa", {.bits = bits});
    const Pass result = pass(*quantizer, Tensor::zeros({3}));
    for (const float y : result.output.span()) CHECK(y == std::numeric_limits<float>::min());
    CHECK(result.gradient.to_row_major() == std::vector<float>{1, 1, 1});
  }
}

TEST_CASE("activations: clipped to [0, act_max], the ends of the window included") {
  const auto quantizer =
      make("dorefa", {.role = Role::activation, .bits = 2}, Settings::from({{"act_max", 6.0}}));
  const Pass result = pass(*quantizer, vector_of({-0.1f, 0.0f, 2.9f, 3.1f, 6.0f, 6.1f, NAN}));
  CHECK(result.output.to_row_major() == std::vector<float>{0, 0, 2, 4, 6, 6, 0});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 1, 1, 1, 0, 0});
  CHECK(quantizer->grid().scale == std::vector<float>{2.0f});  // before any batch, too
}

TEST_CASE("unsupported settings of dorefa are rejected") {
  CHECK_THROWS_WITH_AS(make("dorefa", {}, Settings::from({{"act_max", 0.0}})),
                       doctest::Contains("act_max: expected"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      make("dorefa", {.granularity = Granularity::per_channel}),
      doctest::Contains("dorefa: expected granularity per_tensor, got per_channel"),
      std::invalid_argument);
  CHECK_THROWS_AS(make("dorefa", {.bits = 4})->grid(), std::logic_error);
  CHECK_THROWS_WITH_AS(pass(*make("dorefa", {.bits = 4}), vector_of({1.0f, NAN})),
                       doctest::Contains("layer.slot: expected finite values"),
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
