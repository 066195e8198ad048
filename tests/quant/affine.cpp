#include "quant/strategies/affine.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"
#include "quant/parts/affine_range.h"

namespace quench::quant {
namespace {

std::unique_ptr<Quantizer> activation(int bits, Settings settings = {}) {
  return make("affine", {.role = Role::activation, .bits = bits}, std::move(settings));
}

void start(Quantizer& quantizer, ValueRange range) {
  quantizer.calibratable()->calibrate(std::vector{range});
}

TEST_CASE("affine: real 0 is a code, even if the data never reach it") {
  for (const ValueRange range : {ValueRange{0.5, 2.0}, {-1.0, 2.0}, {-3.0, -1.0}, {-1e-3, 5.1}}) {
    for (const QuantGrid& form : {unsigned_grid(4), signed_full_grid(4)}) {
      QuantGrid grid = form;
      cover_affine(grid, 0, range);
      CHECK(grid.zero_point[0] >= grid.qmin);
      CHECK(grid.zero_point[0] <= grid.qmax);
      CHECK(fake_quantize(Tensor::zeros({1}), grid).item() == 0.0f);
    }
  }
}

TEST_CASE("affine: an empty range, one of denormals and one of nearly all floats") {
  QuantGrid grid = unsigned_grid(8);
  cover_affine(grid, 0, {0.0, 0.0});
  CHECK(grid.scale[0] == 1.0f);
  CHECK(grid.zero_point[0] == 0);
  cover_affine(grid, 0, {-1e-40, 1e-40});
  CHECK(grid.scale[0] == 0x1p-126f);
  cover_affine(grid, 0, {-3e38, 3e38});
  CHECK(std::isfinite(grid.scale[0]));
}

TEST_CASE("affine activations: average of the batches' range, window closed at its ends") {
  const auto quantizer = activation(4, Settings::from({{"momentum", 0.5}}));
  CHECK_THROWS_AS(quantizer->grid(), std::logic_error);
  pass(*quantizer, vector_of({-1.0f, 14.0f}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
  CHECK(quantizer->grid().zero_point[0] == 1);
  pass(*quantizer, Tensor::zeros({3}));  // ignored
  CHECK(quantizer->grid().scale[0] == 1.0f);
  // [-1, 14] and [-9, 36] average to [-5, 25]: scale 2, zero point round(2.5) = 3.
  const Pass result = pass(*quantizer, vector_of({-9.0f, -6.0f, -6.01f, 24.0f, 36.0f, 7.1f}));
  CHECK(quantizer->grid().scale[0] == 2.0f);
  CHECK(quantizer->grid().zero_point[0] == 3);
  CHECK(result.output.to_row_major() == std::vector<float>{-6, -6, -6, 24, 24, 8});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 0, 1, 0, 1});
}

TEST_CASE("affine: the mask on codes reaches half a step further, ties as they are rounded") {
  const auto quantizer = activation(4, Settings::from({{"momentum", 1.0}, {"mask", "code"}}));
  start(*quantizer, {0.0, 15.0});
  const float above = std::nextafter(15.5f, 0.0f);
  const Pass result = pass(*quantizer, vector_of({-0.5f, -0.51f, above, 15.5f, 3.0f}));
  CHECK(result.gradient.to_row_major() == std::vector<float>{1, 0, 1, 0, 1});
}

TEST_CASE("the code window is where the rounded code is on the grid, to the last ulp") {
  Random random(3, "test");
  for (int i = 0; i < 200; ++i) {
    const float scale = std::exp(4.0f * random.normal());
    const CodeRange codes{static_cast<float>(-(i % 17)), static_cast<float>(i % 13)};
    const Window window = code_window(scale, codes);
    const auto code = [=](float x) { return std::nearbyint(x / scale); };
    CHECK(code(window.low) >= codes.low);
    CHECK(code(std::nextafter(window.low, -INFINITY)) < codes.low);
    CHECK(code(window.high) <= codes.high);
    CHECK(code(std::nextafter(window.high, INFINITY)) > codes.high);
  }
}

TEST_CASE("affine: quant_delay in steps and as a fraction; the range is gathered meanwhile") {
  for (const double delay : {2.0, 0.25}) {
    const auto quantizer = activation(2, Settings::from({{"quant_delay", delay}}));
    quantizer->begin_training({.total_steps = 8, .steps_per_epoch = 8});
    const Tensor x = vector_of({0.0f, 1.4f, 3.0f});
    for (std::int64_t step = 0; step < 4; ++step) {
      const bool quantized = pass(*quantizer, x).output.data()[1] == 1.0f;
      CHECK(quantized == (step >= 2));
      CHECK(quantizer->grid().scale[0] == 1.0f);
      quantizer->step(step);
    }
  }
}

TEST_CASE("affine weights: symmetric by default; \"affine\" follows min and max per channel") {
  const Tensor w =
      Tensor::from_row_major<float>({2, 3}, std::vector{-1.0f, 14.0f, 0.4f, -30.0f, -2.0f, 0.0f});
  const SlotSpec spec{.bits = 4, .granularity = Granularity::per_channel, .channels = 2};
  const auto symmetric = make("affine", spec);
  CHECK(pass(*symmetric, w).gradient.to_row_major() == std::vector<float>(6, 1.0f));
  CHECK(symmetric->grid().scale == std::vector<float>{2.0f, 30.0f / 7.0f});
  const auto affine = make("affine", spec, Settings::from({{"weights", "affine"}}));
  const Pass result = pass(*affine, w);
  CHECK(affine->grid().scale == std::vector<float>{1.0f, 2.0f});
  CHECK(affine->grid().zero_point == std::vector<std::int32_t>{1, 15});
  CHECK(result.output.to_row_major() == std::vector<float>{-1, 14, 0, -30, -2, 0});
}

TEST_CASE("a calibrated weight range is kept, also when saved, until training sees the weight") {
  const Tensor w = vector_of({-7.0f, 3.0f});
  const auto quantizer = make("affine", {.bits = 4});
  start(*quantizer, {-3.5, 2.0});
  const auto again = make("affine", {.bits = 4});
  again->load_state(quantizer->state());
  for (const auto& q : {quantizer.get(), again.get()}) {
    q->set_mode(Mode::evaluation);
    CHECK(q->forward(Variable(w)).value().to_row_major() == std::vector<float>{-3.5f, 3.0f});
    q->set_mode(Mode::training);
    CHECK(pass(*q, w).output.to_row_major() == std::vector<float>{-7.0f, 3.0f});
    CHECK(q->state().empty());
  }
  CHECK_THROWS_WITH_AS(quantizer->calibratable()->calibrate(std::vector<ValueRange>(2)),
                       "layer.slot: expected 1 ranges, got 2", std::invalid_argument);
}

TEST_CASE("trained ranges start from data or a calibrator, and 0 stays inside") {
  const auto quantizer = activation(4, Settings::from({{"train_ranges", true}}));
  pass(*quantizer, Tensor::zeros({2}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
  pass(*quantizer, vector_of({-1.0f, 14.0f}));
  pass(*quantizer, vector_of({-100.0f, 100.0f}));  // data no longer changes it
  auto parameters = quantizer->parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].second.value().item() == -1.0f);
  CHECK(parameters[1].second.value().item() == 14.0f);
  parameters[0].second.mutable_value().data()[0] = 0.5f;
  quantizer->step(0);
  CHECK(parameters[0].second.value().item() == 0.0f);
}

TEST_CASE("affine: unknown settings are rejected") {
  CHECK_THROWS_AS(activation(8, Settings::from({{"mask", "none"}})), std::invalid_argument);
  CHECK_THROWS_AS(activation(8, Settings::from({{"momentum", 1.5}})), std::invalid_argument);
  CHECK_THROWS_AS(activation(8, Settings::from({{"quant_delay", -1.0}})), std::invalid_argument);
  CHECK_THROWS_AS(activation(1), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
