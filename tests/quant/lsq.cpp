#include "quant/strategies/lsq.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

/// A quantizer whose step is 1, by calibration to the range of its codes.
std::unique_ptr<Quantizer> unit_step(SlotSpec spec, double min, double max,
                                     Settings settings = {}) {
  auto quantizer = make("lsq", std::move(spec), std::move(settings));
  quantizer->calibratable()->calibrate(std::array{ValueRange{min, max}});
  REQUIRE(quantizer->grid().scale == std::vector<float>{1.0f});
  return quantizer;
}

Variable scale_of(Quantizer& quantizer) { return quantizer.parameters()[0].second; }

void set_scale(Quantizer& quantizer, float value) {
  Variable scale = scale_of(quantizer);
  std::ranges::fill(scale.mutable_value().span(), value);
  scale.mutable_value().bump_version();
}

TEST_CASE("the end codes are outside an open window and inside a closed one") {
  const Tensor v = vector_of({-8.0f, -7.75f, 6.75f, 7.0f, 7.25f});
  const auto open = unit_step({.bits = 4}, -7.0, 7.0, Settings::from({{"grad_scale", "none"}}));
  CHECK(pass(*open, v).gradient.to_row_major() == std::vector<float>{0, 1, 1, 0, 0});
  // -8 + (-8 + 7.75) + (7 - 6.75) + 7 + 7
  CHECK(scale_of(*open).grad().item() == 6.0f);

  const auto closed = unit_step({.bits = 4}, -7.0, 7.0,
                                Settings::from({{"grad_scale", "none"}, {"window", "closed"}}));
  CHECK(pass(*closed, v).gradient.to_row_major() == std::vector<float>{1, 1, 1, 1, 0});
  CHECK(scale_of(*closed).grad().item() == 7.0f);
}

TEST_CASE("the gradient of the step is divided by sqrt(N Qp): weights of a channel, one sample") {
  const Tensor x = Tensor::full({4, 9}, 100.0f);  // every element adds Qp
  const auto weight =
      make("lsq", {.bits = 3, .granularity = Granularity::per_channel, .channels = 4});
  weight->calibratable()->calibrate(std::vector<ValueRange>(4, {-3.0, 3.0}));
  pass(*weight, x);
  for (const float gradient : scale_of(*weight).grad().to_row_major()) {
    CHECK(gradient == doctest::Approx(9 * 3 / std::sqrt(9.0 * 3.0)));
  }
  const auto activation = unit_step({.role = Role::activation, .bits = 3}, 0.0, 7.0);
  pass(*activation, x);
  CHECK(scale_of(*activation).grad().item() == doctest::Approx(36 * 7 / std::sqrt(9.0 * 7.0)));
}

TEST_CASE("activations start at the first nonzero batch, which also chooses the grid") {
  const auto quantizer = make("lsq", {.role = Role::activation, .bits = 2});
  CHECK_THROWS_WITH_AS(quantizer->grid(),
                       "layer.slot: lsq has no grid before training or calibration",
                       std::logic_error);
  pass(*quantizer, Tensor::zeros({1, 2}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
  pass(*quantizer, Tensor::from_row_major<float>({1, 2}, std::vector{1.0f, 5.0f}));
  CHECK(quantizer->grid().scale[0] == doctest::Approx(2 * 3 / std::sqrt(3.0)));
  CHECK(quantizer->grid().qmin == 0);
  pass(*quantizer, Tensor::full({1, 2}, -100.0f));  // changes neither
  CHECK(quantizer->grid().scale[0] == doctest::Approx(2 * 3 / std::sqrt(3.0)));
  CHECK(quantizer->grid().qmax == 3);

  const auto signed_values = make("lsq", {.role = Role::activation, .bits = 4});
  pass(*signed_values, Tensor::from_row_major<float>({1, 2}, std::vector{-1.0f, 5.0f}));
  CHECK(signed_values->grid().qmin == -8);
  CHECK(signed_values->grid().scale[0] == doctest::Approx(2 * 3 / std::sqrt(7.0)));
}

TEST_CASE("a calibrated range ends at the last code") {
  const auto weight =
      make("lsq", {.bits = 4, .granularity = Granularity::per_channel, .channels = 2});
  weight->calibratable()->calibrate(std::array{ValueRange{-14.0, 3.0}, ValueRange{0.0, 0.0}});
  CHECK(weight->grid().scale == std::vector<float>{2.0f, 1.0f});
  pass(*weight, Tensor::full({2, 3}, 50.0f));  // data no longer initializes it
  CHECK(weight->grid().scale == std::vector<float>{2.0f, 1.0f});
  CHECK_THROWS_WITH_AS(weight->calibratable()->calibrate(std::array{ValueRange{-1.0, 1.0}}),
                       "layer.slot: expected 2 ranges or channels, got 1", std::invalid_argument);

  const auto activation = make("lsq", {.role = Role::activation, .bits = 8});
  activation->calibratable()->calibrate(std::array{ValueRange{0.0, 51.0}});
  CHECK(activation->grid().qmin == 0);
  CHECK(activation->grid().scale[0] == 0.2f);
  CHECK_THROWS_AS(activation->calibratable()->calibrate({}), std::invalid_argument);
}

TEST_CASE("a step that the optimizer took below 1e-8 is clamped, in the parameter itself") {
  for (const Role role : {Role::weight, Role::activation}) {
    const auto quantizer = make("lsq", {.role = role, .bits = 4});
    quantizer->observe(Tensor::full({2, 2}, 1.0f));
    set_scale(*quantizer, -0.5f);
    quantizer->step(0);
    CHECK(scale_of(*quantizer).value().item() == 1e-8f);
    set_scale(*quantizer, NAN);
    CHECK_THROWS_WITH_AS(quantizer->step(1), "layer.slot: expected a finite trained scale, got nan",
                         std::invalid_argument);
  }
}

TEST_CASE("NaN becomes code 0 and does not contribute to a gradient; infinities saturate") {
  const auto quantizer =
      unit_step({.bits = 4}, -7.0, 7.0, Settings::from({{"grad_scale", "none"}}));
  const Pass result = pass(*quantizer, vector_of({NAN, INFINITY, -INFINITY}));
  CHECK(result.output.to_row_major() == std::vector<float>{0, 7, -8});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 0, 0});
  CHECK(scale_of(*quantizer).grad().item() == -1.0f);
}

TEST_CASE("unsupported settings and bits of lsq are rejected") {
  CHECK_THROWS_AS(make("lsq", {.bits = 4}, Settings::from({{"window", "half"}})),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("lsq", {.bits = 1}),
                       "layer.slot: lsq: expected bits in 2..8 for weights, got 1",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
