#include "quant/strategies/lsq.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/fixture.h"
#include "quant/statistics/value_range.h"

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

/// 10 log10(sum x^2 / sum (x - y)^2) of 8 bits that a calibrator gave the range of x.
double sqnr_at(const std::string& name, float largest) {
  Tensor x = random_tensor({4096}, 9);
  const float unit = largest / extent(x.span()).max_abs;
  for (float& v : x.span()) v *= unit;
  const auto quantizer = make(name, {.bits = 8});
  quantizer->calibratable()->calibrate(std::array{range_of(extent(x.span()))});
  quantizer->step(0);
  // As another process would load it.
  const auto loaded = make(name, {.bits = 8});
  loaded->load_state(quantizer->state());
  for (std::size_t i = 0; i < quantizer->parameters().size(); ++i)
    loaded->parameters()[i].second.mutable_value().copy_from(
        quantizer->parameters()[i].second.value());
  loaded->step(0);
  loaded->set_mode(Mode::evaluation);
  const Tensor y = loaded->forward(Variable(x)).value();
  double signal = 0.0, noise = 0.0;
  for (std::size_t i = 0; i < x.span().size(); ++i) {
    // In units of the largest: squares of 1e-30 are no floats, but doubles.
    const double v = double{x.span()[i]} / double{largest};
    const double d = v - double{y.span()[i]} / double{largest};
    signal += v * v;
    noise += d * d;
  }
  return 10.0 * std::log10(signal / noise);
}

TEST_CASE("tensors of tiny values have their steps: 8 bits leave the noise that symmetric leaves") {
  const double ordinary = sqnr_at("symmetric", 1.0f);
  for (const float largest : {1.0f, 1e-3f, 1e-6f, 1e-7f, 1e-12f, 1e-30f}) {
    CAPTURE(largest);
    CHECK(sqnr_at("symmetric", largest) == doctest::Approx(ordinary).epsilon(0.002));
    CHECK(sqnr_at("lsq", largest) == doctest::Approx(ordinary).epsilon(0.002));
  }
}

TEST_CASE(
    "the floor of a step: 1e-8, a thousandth of a tiny start, and 1e-8 in older checkpoints") {
  const auto floor_of = [](Quantizer& quantizer) {
    set_scale(quantizer, -1.0f);
    quantizer.step(0);
    return scale_of(quantizer).value().item();
  };
  const auto calibrated = [](double max) {
    auto quantizer = make("lsq", {.bits = 8});
    quantizer->calibratable()->calibrate(std::array{ValueRange{-max, max}});
    return quantizer;
  };
  CHECK(floor_of(*calibrated(1.0)) == 1e-8f);
  CHECK(floor_of(*calibrated(127e-20)) == doctest::Approx(1e-23));
  CHECK_FALSE(calibrated(1.0)->state().contains("scale_floors"));

  const auto tiny = calibrated(127e-20);
  SavedState state = tiny->state();
  const auto loaded = make("lsq", {.bits = 8});
  loaded->load_state(state);
  CHECK(floor_of(*loaded) == doctest::Approx(1e-23));
  state.erase("scale_floors");
  loaded->load_state(state);
  CHECK(floor_of(*loaded) == 1e-8f);
  state["scale_floors"] = Tensor::zeros({2});
  CHECK_THROWS_WITH_AS(loaded->load_state(state),
                       "layer.slot: expected state 'scale_floors' to be f32 [1], got f32 [2]",
                       std::invalid_argument);
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
