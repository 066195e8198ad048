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
  theano->project_latent(latent);
  CHECK(latent.to_row_major() == std::vector<float>{-1, 0, 1, 1});
  CHECK(latent.version() > version);

  const auto tensorflow = make("ste", {.bits = 1}, Settings::from({{"weight_gradient", "window"}}));
  CHECK(pass(*tensorflow, w).gradient.to_row_major() == std::vector<float>{0, 1, 1, 0});
  latent = w.clone();
  tensorflow->project_latent(latent);
  CHECK(same_bits(latent, w));
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

TEST_CASE("activations: scale is an average of max|x|, its window the real value, ends included") {
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

TEST_CASE("unsigned activations: what is negative becomes 0 and gets no gradient") {
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

TEST_CASE("state without an entry is refused") {
  const auto quantizer = make("ste", {.role = Role::activation, .bits = 8});
  CHECK_THROWS_WITH_AS(quantizer->load_state({}), "layer.slot: expected state 'scale', got none",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
