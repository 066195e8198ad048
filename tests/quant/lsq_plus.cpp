#include "quant/strategies/lsq_plus.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

/// Codes 0..15 for the integers from -4 to 11.
std::unique_ptr<Quantizer> shifted_by_four(Settings settings = {}) {
  auto quantizer = make("lsq_plus", {.role = Role::activation, .bits = 4}, std::move(settings));
  quantizer->calibratable()->calibrate(std::array{ValueRange{-4.0, 11.0}});
  return quantizer;
}

std::array<float, 2> trained_gradients(Quantizer& quantizer) {
  const auto parameters = quantizer.parameters();
  return {parameters[0].second.grad().item(), parameters[1].second.grad().item()};
}

TEST_CASE("a calibrated range is covered from its first code to its last") {
  const auto quantizer = shifted_by_four();
  CHECK(quantizer->grid().scale[0] == 1.0f);
  CHECK(quantizer->grid().offset == -4.0f);
  CHECK(pass(*quantizer, vector_of({-9.0f, 0.3f, 10.8f, 99.0f})).output.to_row_major() ==
        std::vector<float>{-4, 0, 11, 11});
}

TEST_CASE(
    "outside the window beta gets the gradient, inside x does; the window decides at the ends") {
  const Tensor x = vector_of({-5.0f, -4.0f, 0.25f, 11.0f, NAN});
  const auto open = shifted_by_four(Settings::from({{"grad_scale", "none"}}));
  CHECK(pass(*open, x).gradient.to_row_major() == std::vector<float>{0, 0, 1, 0, 0});
  CHECK(trained_gradients(*open) == std::array{0.0f + 0.0f - 0.25f + 15.0f, 3.0f});

  const auto closed =
      shifted_by_four(Settings::from({{"grad_scale", "none"}, {"window", "closed"}}));
  CHECK(pass(*closed, x).gradient.to_row_major() == std::vector<float>{0, 1, 1, 1, 0});
  CHECK(trained_gradients(*closed) == std::array{-0.25f, 1.0f});
}

TEST_CASE("init: minmax covers the first batch and 0; mse excludes an outlier") {
  Tensor x = random_tensor({1000}, 3);
  x.data()[0] = 50.0f;
  const auto minmax =
      make("lsq_plus", {.role = Role::activation, .bits = 4}, Settings::from({{"init", "minmax"}}));
  CHECK_THROWS_AS(minmax->grid(), std::logic_error);
  minmax->observe(Tensor::zeros({2}));
  minmax->observe(vector_of({2.0f, 30.0f}));
  CHECK(minmax->grid().scale[0] == 2.0f);
  CHECK(minmax->grid().offset == 0.0f);

  const auto mse = make("lsq_plus", {.role = Role::activation, .bits = 8});
  mse->observe(x);
  const auto error = [&x](const QuantGrid& grid) {
    const Tensor y = fake_quantize(x, grid);
    double sum = 0.0;
    for (std::int64_t i = 0; i < x.numel(); ++i)
      sum += std::pow(double{y.data()[i]} - double{x.data()[i]}, 2);
    return sum;
  };
  const auto covering =
      make("lsq_plus", {.role = Role::activation, .bits = 8}, Settings::from({{"init", "minmax"}}));
  covering->observe(x);
  CHECK(error(mse->grid()) <= error(covering->grid()));
}

TEST_CASE("one bit has the two values beta and beta + s") {
  const auto quantizer = make("lsq_plus", {.role = Role::activation, .bits = 1});
  quantizer->calibratable()->calibrate(std::array{ValueRange{-1.0, 2.0}});
  CHECK(pass(*quantizer, vector_of({-7.0f, 0.4f, 0.6f, 7.0f})).output.to_row_major() ==
        std::vector<float>{-1, -1, 2, 2});
}

TEST_CASE("weights start at three deviations from their mean, also per channel") {
  const Tensor w = Tensor::from_row_major<float>({2, 2}, std::vector{1.0f, 3.0f, -8.0f, 0.0f});
  const auto quantizer =
      make("lsq_plus", {.bits = 3, .granularity = Granularity::per_channel, .channels = 2});
  quantizer->observe(w);
  CHECK(quantizer->grid().scale == std::vector<float>{5.0f / 4.0f, 16.0f / 4.0f});
  CHECK(quantizer->grid().qmin == -4);
}

TEST_CASE("invalid scale and beta after training are clamped or rejected") {
  const auto quantizer = shifted_by_four();
  auto parameters = quantizer->parameters();
  parameters[0].second.mutable_value().data()[0] = -1.0f;
  quantizer->step(0);
  CHECK(parameters[0].second.value().item() == 1e-8f);
  parameters[1].second.mutable_value().data()[0] = NAN;
  CHECK_THROWS_WITH_AS(quantizer->step(1), "layer.slot: expected a finite beta, got nan",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
