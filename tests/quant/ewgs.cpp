#include "quant/strategies/ewgs.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("ewgs: g (1 + delta sign(g) r), r in units of the grid's reach, 0 outside the grid") {
  const auto quantizer = make("ewgs", {.role = Role::activation, .bits = 2},
                              Settings::from({{"delta", 0.5}, {"momentum", 1.0}}));
  pass(*quantizer, vector_of({0.0f, 6.0f}));  // codes 0, 2, 4, 6
  const Tensor x = vector_of({2.5f, 1.5f, 2.5f, 6.0f, 6.5f, -0.25f});
  const Pass result = pass(*quantizer, x, vector_of({2.0f, 2.0f, -2.0f, 1.0f, 1.0f, 1.0f}));
  CHECK(result.output.to_row_major() == std::vector<float>{2, 2, 2, 6, 6, 0});
  // r = +-0.5 / 6
  const std::vector<double> want{
      2 * (1 + 0.5 / 12), 2 * (1 - 0.5 / 12), -2 * (1 - 0.5 / 12), 1.0, 0.0, 0.0};
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(result.gradient.data()[i] == doctest::Approx(want[i]).epsilon(1e-6));
  }
}

TEST_CASE("ewgs: weights have a scale per channel, and the largest keeps its gradient") {
  const auto quantizer =
      make("ewgs", {.bits = 3, .granularity = Granularity::per_channel, .channels = 2},
           Settings::from({{"delta", 0.0}}));
  Tensor w = random_tensor({2, 500}, 1);
  for (std::int64_t i = 500; i < 1000; ++i) w.data()[i] *= 0.1f;
  const Pass result = pass(*quantizer, w);
  for (const float g : result.gradient.span()) CHECK(g == 1.0f);
  CHECK(quantizer->grid().axis == 0);
  CHECK(quantizer->grid().scale[0] > 5 * quantizer->grid().scale[1]);
}

TEST_CASE(
    "ewgs: a calibrator initializes the activations' grid, unsigned without negative values") {
  const auto quantizer = make("ewgs", {.role = Role::activation, .bits = 4});
  CHECK_THROWS_WITH_AS(quantizer->grid(),
                       "layer.slot: ewgs has no grid before training or calibration",
                       std::logic_error);
  quantizer->calibratable()->calibrate(std::array{ValueRange{0.0, 30.0}});
  CHECK(quantizer->grid().scale == std::vector<float>{2.0f});
  CHECK(quantizer->grid().qmin == 0);
  CHECK_THROWS_WITH_AS(quantizer->calibratable()->calibrate(std::array<ValueRange, 2>{}),
                       "layer.slot: expected 1 range, got 2", std::invalid_argument);
}

TEST_CASE("ewgs: a negative delta is rejected") {
  CHECK_THROWS_WITH_AS(make("ewgs", {.bits = 4}, Settings::from({{"delta", -1.0}})),
                       doctest::Contains("delta: expected"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
