#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

#include "autograd/gradient_check.h"
#include "autograd/nn.h"

namespace quench {

using testing::random_tensor;

TEST_CASE("conv2d: gradients of input, weight and bias") {
  struct Case {
    Conv2dParams params;
    Shape input, weight;
  };
  // Dense, strided with uneven padding, dilated in two groups, depthwise.
  const std::array<Case, 4> cases{{
      {{}, {2, 3, 4, 5}, {4, 3, 3, 3}},
      {{.stride = {2, 1}, .padding = {1, 0, 0, 2}}, {1, 2, 5, 4}, {3, 2, 3, 2}},
      {{.dilation = {2, 2}, .groups = 2}, {1, 4, 5, 5}, {2, 2, 2, 2}},
      {{.padding = {1, 1, 1, 1}, .groups = 3}, {2, 3, 3, 4}, {3, 1, 3, 3}},
  }};
  for (const Case& c : cases) {
    CAPTURE(c.weight.to_string());
    const auto prepared = std::make_shared<PreparedConv2d>(c.params);
    const std::vector<Tensor> inputs{random_tensor(c.input, 1), random_tensor(c.weight, 2),
                                     random_tensor({c.weight[0]}, 3)};
    testing::check_gradients(
        [&](const auto& v) {
          // Central differences write into the weight without the cache of reordered weights noticing.
          Tensor weight = v[1].value();
          weight.bump_version();
          return conv2d(v[0], v[1], v[2], prepared);
        },
        inputs, 0.5, 2e-5);
  }
}

TEST_CASE("conv2d: without a bias, and with an image that needs no gradient") {
  const auto prepared = std::make_shared<PreparedConv2d>(Conv2dParams{});
  const Variable image(random_tensor({1, 2, 3, 3}, 4));
  const Variable weight(Tensor::full({1, 2, 3, 3}, 1.0f), true);
  const Variable y = conv2d(image, weight, {}, prepared);
  REQUIRE(y.shape() == Shape{1, 1, 1, 1});
  y.backward();
  CHECK(weight.grad().to_row_major() == image.value().to_row_major());
  CHECK_FALSE(image.grad().defined());
}

TEST_CASE("conv2d: a weight changed between forward and backward is an error") {
  Variable weight(random_tensor({1, 1, 1, 1}, 5), true);
  const Variable image(random_tensor({1, 1, 1, 1}, 6), true);
  const Variable y = conv2d(image, weight, {}, std::make_shared<PreparedConv2d>(Conv2dParams{}));
  weight.mutable_value().bump_version();
  CHECK_THROWS_AS(y.backward(), std::logic_error);
  CHECK_THROWS_AS(conv2d(image, weight, {}, nullptr), std::invalid_argument);
}

}  // namespace quench
