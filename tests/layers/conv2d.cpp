#include "layers/conv2d.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/reference.h"

namespace quench::layers {
namespace {

std::unique_ptr<Conv2d> make(const Conv2dOptions& options) {
  Random random(1, "test");
  return std::make_unique<Conv2d>(options, random);
}

TEST_CASE("conv2d layer: the naive convolution; no bias by default") {
  const auto layer =
      make({.in_channels = 3, .out_channels = 5, .params = {.padding = {1, 1, 1, 1}}});
  CHECK(layer->weight().shape() == Shape{5, 3, 3, 3});
  CHECK_FALSE(layer->bias().defined());
  const Tensor input = testing::random_tensor({2, 3, 4, 4}, 2);
  const auto expected =
      testing::naive_conv2d(testing::converted<double>(input.to_row_major()), input.shape(),
                            testing::converted<double>(layer->weight().value().to_row_major()),
                            layer->weight().shape(), layer->options().params);
  const auto output = (*layer)(Variable(input)).value().to_row_major();
  REQUIRE(output.size() == expected.size());
  for (std::size_t i = 0; i < output.size(); ++i)
    CHECK(output[i] == doctest::Approx(expected[i]).epsilon(1e-5).scale(1.0));
}

TEST_CASE("conv2d layer: depthwise means one input channel for each output channel") {
  CHECK(make({.in_channels = 4, .out_channels = 8, .params = {.groups = 4}})->depthwise());
  CHECK_FALSE(make({.in_channels = 4, .out_channels = 8, .params = {.groups = 2}})->depthwise());
  CHECK_FALSE(make({.in_channels = 1, .out_channels = 8})->depthwise());
}

TEST_CASE("conv2d layer: sizes are checked at construction") {
  CHECK_THROWS_WITH_AS(make({.in_channels = 3, .out_channels = 4, .params = {.groups = 2}}),
                       "conv2d: expected channels >= 1 divisible by groups, got in_channels 3, "
                       "out_channels 4, groups 2",
                       std::invalid_argument);
  CHECK_THROWS_AS(make({.in_channels = 3}), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.in_channels = 1, .out_channels = 1, .kernel_size = {0, 3}}),
                       "conv2d: expected a kernel of at least 1 x 1, got 0 x 3",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
