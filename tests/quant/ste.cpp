#include "quant/strategies/ste.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("1-bit activation: the gradient passes where |x| <= clip, ends included") {
  const auto quantizer =
      make("ste", {.role = Role::activation, .bits = 1}, Settings::from({{"clip", 0.5}}));
  const Tensor x = vector_of({-0.75f, -0.5f, -0.0f, 0.25f, 0.5f, 0.5000001f, NAN});
  const Pass result = pass(*quantizer, x, Tensor::full({7}, 3.0f));
  CHECK(result.output.to_row_major() == std::vector<float>{-1, -1, 1, 1, 1, 1, 1});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 3, 3, 3, 3, 0, 0});
}

TEST_CASE("1-bit weight: either the latent is clipped, or the gradient is masked") {
  const Tensor w = vector_of({-1.5f, 0.0f, 1.0f, 2.0f});
  const auto theano = make("ste", {.bits = 1});
  CHECK(pass(*theano, w).gradient.to_row_major() == std::vector<float>{1, 1, 1, 1});
  Tensor latent = w.clone();
  const std::uint64_t version = latent.version();
  theano->latent_update()->project(latent);
  CHECK(latent.to_row_major() == std::vector<float>{-1, 0, 1, 1});
  CHECK(latent.version() > version);

  const auto tensorflow = make("ste", {.bits = 1}, Settings::from({{"weight_gradient", "window"}}));
  CHECK(pass(*tensorflow, w).gradient.to_row_major() == std::vector<float>{0, 1, 1, 0});
  CHECK(tensorflow->latent_update() == nullptr);
}

TEST_CASE("weights of 2 to 8 bits: the largest weight is the last code, per tensor or channel") {
  const Tensor w =
      Tensor::from_row_major<float>({2, 3}, std::vector{0.5f, -1.0f, 0.1f, 7.0f, 3.4f, 0.0f});
  const auto per_tensor = make("ste", {.bits = 4});
  const auto per_channel = make("ste", {.bits = 4, .granularity = Granularity::per_channel});
  CHECK(pass(*per_tensor, w).output.to_row_major() == std::vector<float>{0, -1, 0, 7, 3, 0});
  CHECK(per_tensor->grid().scale == std::vector<float>{1.0f});
  pass(*per_channel, w);
  CHECK(per_channel->grid().scale == std::vector<float>{1.0f / 7.0f, 1.0f});
  CHECK(per_channel->grid().axis == 0);
  CHECK(pass(*per_channel, w).gradient.to_row_major() == std::vector<float>(6, 1.0f));
}

TEST_CASE(
    "activations: scale is an average of max|x|; the window is in real values, ends included") {
  const auto quantizer =
      make("ste", {.role = Role::activation, .bits = 4}, Settings::from({{"momentum", 0.5}}));
  CHECK_THROWS_AS(quantizer->grid(), std::logic_error);
  pass(*quantizer, vector_of({7.0f, -14.0f}));
  CHECK(quantizer->grid().scale[0] == 2.0f);
  pass(*quantizer, Tensor::zeros({2}));  // says nothing
  CHECK(quantizer->grid().scale[0] == 2.0f);

  // 0.5 * 2 + 0.5 * 4: the window is [-21, 21].
  const Pass result = pass(*quantizer, vector_of({28.0f, 21.0f, -21.5f, 4.4f}));
  CHECK(quantizer->grid().scale[0] == 3.0f);
  CHECK(result.output.to_row_major() == std::vector<float>{21, 21, -21, 3});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 0, 1});
}

TEST_CASE("unsigned activations: negative values become 0 and get no gradient") {
  const auto quantizer = make("ste", {.role = Role::activation, .bits = 4},
                              Settings::from({{"act_grid", "unsigned"}}));
  const Pass result = pass(*quantizer, vector_of({-30.0f, 15.0f, 0.0f, 7.2f}));
  CHECK(result.output.to_row_major() == std::vector<float>{0, 15, 0, 7});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 1, 1});
}

TEST_CASE("an activation that has only seen zeros has a grid of scale 1") {
  const auto quantizer = make("ste", {.role = Role::activation, .bits = 8});
  quantizer->observe(Tensor::zeros({4}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
}

TEST_CASE("state without an entry is rejected") {
  const auto quantizer = make("ste", {.role = Role::activation, .bits = 8});
  CHECK_THROWS_WITH_AS(quantizer->load_state({}), "layer.slot: expected state 'scale', got none",
                       std::invalid_argument);
}

TEST_CASE("stochastic weights: +1 with probability (w + 1) / 2, and the sign in evaluation") {
  const auto quantizer = make("ste", {.bits = 1}, Settings::from({{"sampling", "stochastic"}}));
  quantizer->begin_training({.total_steps = 2, .seed = 7});
  const Tensor w = Tensor::full({20000}, 0.5f);
  const Pass result = pass(*quantizer, w);
  double ones = 0.0;
  for (const float value : result.output.span()) {
    CHECK_UNARY(value == 1.0f || value == -1.0f);
    ones += value > 0.0f ? 1.0 : 0.0;
  }
  // Within five standard deviations.
  CHECK(std::abs(ones / 20000.0 - 0.75) < 5.0 * std::sqrt(0.75 * 0.25 / 20000.0));
  CHECK(same_bits(result.gradient, Tensor::full({20000}, 1.0f)));
  quantizer->set_mode(Mode::evaluation);
  CHECK(same_bits(quantizer->forward(Variable(w)).value(), Tensor::full({20000}, 1.0f)));
}

TEST_CASE("stochastic weights: draws depend on step, slot and seed; a resumed run draws the same") {
  const auto made = [](const char* slot, std::uint64_t seed) {
    auto quantizer =
        make("ste", {.bits = 1, .slot = slot}, Settings::from({{"sampling", "stochastic"}}));
    quantizer->begin_training({.total_steps = 9, .seed = seed});
    return quantizer;
  };
  const Tensor w = Tensor::zeros({64});
  const auto first = made("a.weight", 1);
  const Tensor step0 = pass(*first, w).output;
  CHECK(same_bits(pass(*first, w).output, step0));
  CHECK_FALSE(same_bits(pass(*made("b.weight", 1), w).output, step0));
  CHECK_FALSE(same_bits(pass(*made("a.weight", 2), w).output, step0));
  first->step(0);
  first->step(1);
  const Tensor step2 = pass(*first, w).output;
  CHECK_FALSE(same_bits(step2, step0));
  const auto resumed = made("a.weight", 1);
  resumed->load_state(first->state());
  CHECK(same_bits(pass(*resumed, w).output, step2));
}

TEST_CASE("stochastic weights with a window mask the gradient outside") {
  const auto quantizer =
      make("ste", {.bits = 1},
           Settings::from({{"sampling", "stochastic"}, {"weight_gradient", "window"}}));
  quantizer->begin_training({.total_steps = 2});
  const Pass result = pass(*quantizer, vector_of({-1.5f, 1.0f, 2.0f}));
  CHECK(result.output.to_row_major() == std::vector<float>{-1, 1, 1});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 0});
}

TEST_CASE("act_grid auto: the first nonzero batch decides, and the state records it") {
  for (const char* name : {"ste", "ab"}) {
    CAPTURE(name);
    const SlotSpec spec{.role = Role::activation, .bits = 4};
    const auto quantizer = make(name, spec, Settings::from({{"act_grid", "auto"}}));
    quantizer->observe(Tensor::zeros({3}));
    CHECK(quantizer->grid().qmin == -7);
    quantizer->observe(vector_of({0.0f, 15.0f, 7.0f}));
    CHECK(quantizer->grid().qmin == 0);
    CHECK(quantizer->grid().qmax == 15);
    quantizer->observe(vector_of({-3.0f, 2.0f}));
    const auto resumed = make(name, spec, Settings::from({{"act_grid", "auto"}}));
    resumed->load_state(quantizer->state());
    CHECK(resumed->grid() == quantizer->grid());
    CHECK(resumed->grid().qmin == 0);
  }
}

TEST_CASE("a calibrated activation reaches its threshold with the last code") {
  for (const char* name : {"ste", "ab"}) {
    CAPTURE(name);
    const SlotSpec spec{.role = Role::activation, .bits = 4};
    const auto narrow = make(name, spec);
    REQUIRE(narrow->calibratable());
    narrow->calibratable()->calibrate(std::vector{ValueRange{-3.5, 2.0}});
    CHECK(narrow->grid().scale[0] == 0.5f);
    const auto decided = make(name, spec, Settings::from({{"act_grid", "auto"}}));
    decided->calibratable()->calibrate(std::vector{ValueRange{0.0, 7.5}});
    CHECK(decided->grid().qmax == 15);
    CHECK(decided->grid().scale[0] == 0.5f);
    CHECK_THROWS_WITH_AS(narrow->calibratable()->calibrate(std::vector<ValueRange>(2)),
                         "layer.slot: expected 1 range, got 2", std::invalid_argument);
  }
}

TEST_CASE("ab has no signed_full grid, which PPQ does not define") {
  CHECK_THROWS_AS(make("ab", {.role = Role::activation, .bits = 4},
                       Settings::from({{"act_grid", "signed_full"}})),
                  std::invalid_argument);
  const auto full = make("ste", {.role = Role::activation, .bits = 4},
                         Settings::from({{"act_grid", "signed_full"}}));
  pass(*full, vector_of({-7.0f, 3.5f}));
  CHECK(full->grid().qmin == -8);
}

}  // namespace
}  // namespace quench::quant
