#include "layers/pad_channels.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/linear.h"
#include "autograd/shape_ops.h"

namespace quench {
namespace {

TEST_CASE("PadChannels: zeros before and after, and a gradient that leaves them out") {
  const Variable input(Tensor::from_row_major({1, 2, 1, 2}, std::vector{1.0f, 2.0f, 3.0f, 4.0f}),
                       true);
  const Variable output = PadChannels(1, 2)(input);
  CHECK(output.shape() == Shape{1, 5, 1, 2});
  CHECK(output.value().to_row_major() ==
        std::vector{0.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 0.0f, 0.0f, 0.0f, 0.0f});
  const Variable weights(Tensor::from_row_major(
      {1, 10}, std::vector{9.0f, 5.0f, 7.0f, 9.0f, 9.0f, 9.0f, 6.0f, 8.0f, 9.0f, 9.0f}));
  linear(flatten(output), weights, {}).backward();  // two pixels of five channels
  CHECK(input.grad().to_row_major() == std::vector{5.0f, 6.0f, 7.0f, 8.0f});
}

TEST_CASE("PadChannels: negative counts are refused") {
  CHECK_THROWS_WITH_AS(PadChannels(-1, 2), "pad_channels: expected counts >= 0, got -1 and 2",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench
