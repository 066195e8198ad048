#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/nn.h"
#include "autograd/shape_ops.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

TEST_CASE("Pad: zeros before and after; they get no gradient") {
  const Variable input(Tensor::from_row_major({1, 2, 1, 2}, std::vector{1.0f, 2.0f, 3.0f, 4.0f}),
                       true);
  const Variable output = Pad({.channels_before = 1, .channels_after = 2})(input);
  CHECK(output.shape() == Shape{1, 5, 1, 2});
  CHECK(output.value().to_row_major() ==
        std::vector{0.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 0.0f, 0.0f, 0.0f, 0.0f});
  const Variable weights(Tensor::from_row_major(
      {1, 10}, std::vector{9.0f, 5.0f, 7.0f, 9.0f, 9.0f, 9.0f, 6.0f, 8.0f, 9.0f, 9.0f}));
  linear(flatten(output), weights, {}).backward();  // two pixels of five channels
  CHECK(input.grad().to_row_major() == std::vector{5.0f, 6.0f, 7.0f, 8.0f});
}

TEST_CASE("Pad: rows, columns and channels at once, each side its own") {
  const Variable input(Tensor::from_row_major({1, 1, 1, 2}, std::vector{1.0f, 2.0f}), true);
  const Variable output =
      Pad({.channels_after = 1, .image = {.top = 1, .left = 2, .bottom = 0, .right = 1}})(input);
  CHECK(output.shape() == Shape{1, 2, 2, 5});
  std::vector<float> expected(20);
  expected[7] = 1.0f;  // row 1, column 2 of channel 0
  expected[8] = 2.0f;
  CHECK(output.value().to_row_major() == expected);
  Tensor weights({1, 2, 2, 5});
  for (std::size_t i = 0; i < 20; ++i) weights.span()[i] = static_cast<float>(i);
  const std::vector<float> in_rows = weights.to_row_major();
  linear(flatten(output), Variable(weights.reshape({1, 20})), {}).backward();
  CHECK(input.grad().to_row_major() == std::vector{in_rows[7], in_rows[8]});
}

TEST_CASE("Pad: features without an image only get channels") {
  const Variable input(Tensor::from_row_major({2, 1}, std::vector{1.0f, 2.0f}));
  CHECK(Pad({.channels_before = 1})(input).value().to_row_major() ==
        std::vector{0.0f, 1.0f, 0.0f, 2.0f});
  CHECK_THROWS_WITH_AS(Pad({.image = {.top = 1}})(input), "pad: expected [N, C, H, W], got [2, 1]",
                       std::invalid_argument);
}

TEST_CASE("Pad: rows and columns below 0 are cut off, and get no gradient") {
  const Variable input(
      Tensor::from_row_major({1, 1, 2, 3}, std::vector{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}), true);
  const Variable output = Pad({.image = {.top = 1, .left = -1, .bottom = -1, .right = 0}})(input);
  CHECK(output.shape() == Shape{1, 1, 2, 2});
  CHECK(output.value().to_row_major() == std::vector{0.0f, 0.0f, 2.0f, 3.0f});
  const Variable weights(Tensor::from_row_major({1, 4}, std::vector{9.0f, 9.0f, 5.0f, 7.0f}));
  linear(flatten(output), weights, {}).backward();
  CHECK(input.grad().to_row_major() == std::vector{0.0f, 5.0f, 7.0f, 0.0f, 0.0f, 0.0f});
  CHECK(Pad({.image = {.top = -1}}).adds_zeros() == false);
  CHECK(Pad({.image = {.top = -1, .left = 1}}).adds_zeros());
  CHECK_THROWS_AS(Pad({.image = {.right = -4}})(input), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Pad({.channels_before = -1, .channels_after = 2}),
                       "pad: expected at least 0 channels, got -1 and 2", std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
