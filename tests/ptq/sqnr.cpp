#include "ptq/sqnr.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "experiments/probe_quantizer.h"

namespace quench::ptq {
namespace {

TEST_CASE(
    "sqnr of layers: weights, inputs and outputs against sums by hand; float slots have none") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.3f});
  net.probe_weight(*net.first);
  net.probe_input(*net.first);
  net.probe_input(*net.second);
  const std::vector<LayerSqnr> rows =
      measure_sqnr(net.network, net.network, *experiments::ten_pixels(4), 100);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].layer == "first");
  CHECK(rows[1].layer == "second");

  // 0.6 becomes 1, and 2.3 becomes 2; pixels are integers.
  CHECK(rows[0].weight.value() == doctest::Approx(10.0 * std::log10(5.65 / 0.25)));
  CHECK(rows[0].input.value() == INFINITY);
  CHECK_FALSE(rows[1].weight.has_value());
  double signal = 0.0, noise = 0.0, input_noise = 0.0, sum_signal = 0.0, sum_noise = 0.0;
  for (int image = 0; image < 10; ++image) {
    const double x = 7.0 * image;
    const double b = 0.6 * x - 20.0, c = 2.3 * x - 80.0, on_b = x - 20.0, on_c = 2.0 * x - 80.0;
    const auto off_grid = [](double v) { return v - std::nearbyint(v); };
    signal += b * b + c * c;
    noise += (b - on_b) * (b - on_b) + (c - on_c) * (c - on_c);
    input_noise += off_grid(b) * off_grid(b) + off_grid(c) * off_grid(c);
    sum_signal += (b + c) * (b + c);
    sum_noise += (b + c - on_b - on_c) * (b + c - on_b - on_c);
  }
  CHECK(rows[0].output == doctest::Approx(10.0 * std::log10(signal / noise)));
  CHECK(rows[1].input.value() ==
        doctest::Approx(10.0 * std::log10(signal / input_noise)).epsilon(1e-4));
  CHECK(sum_noise > 0.0);
  CHECK(rows[1].output == doctest::Approx(10.0 * std::log10(sum_signal / sum_noise)).epsilon(1e-4));
}

TEST_CASE("sqnr of layers: against another network as the float reference") {
  experiments::TwoLayers floating({0.0f, 0.6f, 2.3f}), net({0.0f, 1.0f, 2.0f});
  const auto rows = measure_sqnr(floating.network, net.network, *experiments::ten_pixels(4), 100);
  double signal = 0.0, noise = 0.0;
  for (double x = 0.0; x < 70.0; x += 7.0) {
    signal += (0.6 * x - 20.0) * (0.6 * x - 20.0) + (2.3 * x - 80.0) * (2.3 * x - 80.0);
    noise += (0.4 * x) * (0.4 * x) + (0.3 * x) * (0.3 * x);
  }
  CHECK(rows.at(0).output == doctest::Approx(10.0 * std::log10(signal / noise)).epsilon(1e-5));

  layers::Sequential empty;
  CHECK_THROWS_WITH_AS(measure_sqnr(empty, net.network, *experiments::ten_pixels(4), 1),
                       "sqnr: expected a float network with 2 layers, got 0",
                       std::invalid_argument);
}

TEST_CASE("sqnr of layers: a folded batch norm counts as part of its layer") {
  Random random(1, "test");
  layers::Sequential network;
  auto conv = network.append(
      "conv", std::make_shared<layers::Conv2d>(
                  layers::Conv2dOptions{.in_channels = 1, .out_channels = 1, .kernel_size = {1, 1}},
                  random));
  auto norm =
      network.append("bn", std::make_shared<layers::BatchNorm>(1, BatchNormParams{.eps = 0.0f}));
  Variable(conv->weight()).mutable_value().copy_from(Tensor::full({1, 1, 1, 1}, 1.5f));
  norm->gain().mutable_value().copy_from(Tensor::full({1}, 2.0f));
  norm->bias().mutable_value().copy_from(Tensor::full({1}, 3.0f));
  experiments::TwoLayers::probe_weight(*conv);
  conv->fold(*norm);
  const auto rows = measure_sqnr(network, network, *experiments::ten_pixels(4), 100);
  // 1.5 x 2 lies on the grid of integers, and both compute 3 x + 3.
  CHECK(rows.at(0).weight.value() == INFINITY);
  CHECK(rows.at(0).output == INFINITY);
}

TEST_CASE("sqnr of layers: a float network is exact, and only the given batches count") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.4f});
  for (const LayerSqnr& row :
       measure_sqnr(net.network, net.network, *experiments::ten_pixels(4), 1)) {
    CHECK_FALSE(row.weight.has_value());
    CHECK_FALSE(row.input.has_value());
    CHECK(row.output == INFINITY);
  }
  net.probe_weight(*net.first);
  // The only image is 0, so weights have no effect.
  CHECK(measure_sqnr(net.network, net.network, *experiments::ten_pixels(1), 1)[0].output ==
        INFINITY);
  CHECK(measure_sqnr(net.network, net.network, *experiments::ten_pixels(1), 2)[0].output < 100.0);
}

}  // namespace
}  // namespace quench::ptq
