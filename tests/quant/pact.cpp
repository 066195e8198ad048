#include "quant/strategies/pact.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

std::unique_ptr<Quantizer> make_pact4(Settings settings = {}) {
  return make("pact", {.role = Role::activation, .bits = 4}, std::move(settings));
}

Variable alpha_of(Quantizer& quantizer) { return quantizer.parameters()[0].second; }

void set_alpha_value(Quantizer& quantizer, float value) {
  Variable alpha = alpha_of(quantizer);
  alpha.mutable_value().data()[0] = value;
  alpha.mutable_value().bump_version();
}

TEST_CASE("alpha starts at 10, at a key's value, at the first batch's maximum, or calibrated") {
  const Tensor x = vector_of({-90.0f, 30.0f, 1.0f});
  const auto constant = make_pact4();
  pass(*constant, x);
  CHECK(alpha_of(*constant).value().item() == 10.0f);
  CHECK(constant->grid().scale[0] == 10.0f / 15.0f);
  CHECK(make_pact4(Settings::from({{"alpha", 3.0}}))->grid().scale[0] == 0.2f);

  const auto from_data = make_pact4(Settings::from({{"init", "max"}}));
  CHECK_THROWS_WITH_AS(from_data->grid(),
                       "layer.slot: pact has no grid before training or calibration",
                       std::logic_error);
  pass(*from_data, Tensor::zeros({3}));
  pass(*from_data, x);
  CHECK(from_data->grid().scale[0] == 2.0f);
  pass(*from_data, Tensor::full({2}, 80.0f));
  CHECK(from_data->grid().scale[0] == 2.0f);

  constant->calibratable()->calibrate(std::array{ValueRange{-40.0, 7.5}});
  CHECK(constant->grid().scale[0] == 0.5f);
}

TEST_CASE("at 0 the gradient reaches x, at alpha it reaches alpha; none below 0 and for NaN") {
  const auto quantizer = make_pact4(Settings::from({{"alpha", 1.5}, {"alpha_decay", 0.0}}));
  const Pass result = pass(*quantizer, vector_of({-0.1f, 0.0f, 1.4f, 1.5f, 9.0f, NAN, INFINITY}));
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 1, 0, 0, 0, 0});
  CHECK(result.output.to_row_major()[5] == 0.0f);
  CHECK(alpha_of(*quantizer).grad().item() == 3.0f);
}

TEST_CASE("the penalty's gradient is added once per pass, not once per element") {
  const auto quantizer = make_pact4(Settings::from({{"alpha", 2.0}, {"alpha_decay", 0.25}}));
  pass(*quantizer, Tensor::full({1000}, 1.0f));
  CHECK(alpha_of(*quantizer).grad().item() == 1.0f);
}

TEST_CASE("alpha that the optimizer took to 0 or below is set to 1e-6") {
  const auto quantizer = make_pact4();
  set_alpha_value(*quantizer, -3.0f);
  quantizer->step(0);
  CHECK(alpha_of(*quantizer).value().item() == 1e-6f);
  CHECK(quantizer->grid().scale[0] > 0.0f);
  set_alpha_value(*quantizer, INFINITY);
  CHECK_THROWS_WITH_AS(quantizer->step(1), "layer.slot: expected a finite trained scale, got inf",
                       std::invalid_argument);
}

TEST_CASE("pact does not support weights, and rejects an alpha <= 0") {
  CHECK_THROWS_WITH_AS(make("pact", {.bits = 4}),
                       "layer.slot: pact does not support weight quantization",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make_pact4(Settings::from({{"alpha", -1.0}})),
                       "<settings>: alpha: expected a number > 0, got -1.0", std::invalid_argument);
  CHECK_THROWS_AS(make_pact4(Settings::from({{"alpha_decay", -1e-4}})), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
