#include "layers/linear.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/reference.h"

namespace quench::layers {
namespace {

TEST_CASE("linear layer: input times the transposed weight, plus the bias") {
  Random random(1, "test");
  Linear layer({.in_features = 3, .out_features = 2, .bias = true}, random);
  layer.parameters()[0].value.mutable_value().copy_from(
      Tensor::from_row_major<float>({2, 3}, std::vector<float>{1, 2, 3, -1, 0, 1}));
  layer.parameters()[1].value.mutable_value().copy_from(
      Tensor::from_row_major<float>({2}, std::vector<float>{10, 20}));
  const Tensor input = Tensor::from_row_major<float>({1, 3}, std::vector<float>{1, 10, 100});
  CHECK(layer(Variable(input)).value().to_row_major() == std::vector<float>{331, 119});
}

TEST_CASE("linear layer: a bias is initially zero, and sizes are checked") {
  Random random(1, "test");
  const Linear layer({.in_features = 3, .out_features = 2, .bias = true}, random);
  CHECK(layer.bias().value().to_row_major() == std::vector<float>{0, 0});
  CHECK_THROWS_WITH_AS(Linear({.in_features = 0, .out_features = 2}, random),
                       "linear: expected in_features and out_features >= 1, got 0 and 2",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
