#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/nn.h"
#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

using testing::random_tensor;

Tensor numbers(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from_row_major({count}, values);
}

TEST_CASE("ScaleShift: per channel, product and sum each rounded") {
  const Tensor x = random_tensor({2, 3, 4, 4}, 1), scale = random_tensor({3}, 2),
               shift = random_tensor({3}, 3);
  const Tensor y = ScaleShift(scale, shift)(Variable(x)).value();
  for (std::size_t i = 0; i < y.span().size(); ++i) {
    const float product = x.span()[i] * scale.span()[i % 3];
    CHECK(y.span()[i] == product + shift.span()[i % 3]);
  }
}

TEST_CASE("ScaleShift: one value for all channels; its gradient is the sum of theirs") {
  Sequential network;
  auto layer =
      network.append("mul", std::make_shared<ScaleShift>(numbers({2.0f}), numbers({-1.0f})));
  const Variable x(Tensor::from_row_major({1, 3}, std::vector{1.0f, 2.0f, 3.0f}), true);
  const Variable y = network(x);
  CHECK(y.value().to_row_major() == std::vector{1.0f, 3.0f, 5.0f});
  linear(y, Variable(Tensor::from_row_major({1, 3}, std::vector{1.0f, 10.0f, 100.0f})), {})
      .backward();
  CHECK(layer->scale().grad().item() == 321.0f);
  CHECK(layer->shift().grad().item() == 111.0f);
  CHECK(x.grad().to_row_major() == std::vector{2.0f, 20.0f, 200.0f});
  REQUIRE(network.parameters().size() == 2);
  CHECK(network.parameters()[0].name == "mul.scale");
  CHECK(network.parameters()[1].name == "mul.shift");
}

TEST_CASE("ScaleShift: constants, including images, are not trained") {
  const Variable x(random_tensor({2, 3, 2, 2}, 1), true);
  ScaleShift negative(numbers({-1.0f}), {}, ScaleShift::Values::constant);
  CHECK(negative.parameters().empty());
  CHECK(negative(x).value().span()[5] == -x.value().span()[5]);
  const Tensor image = random_tensor({1, 3, 2, 2}, 2);
  ScaleShift mean(image);
  CHECK(mean.parameters().empty());
  const Tensor y = mean(x).value();
  for (std::size_t i = 0; i < 24; ++i)
    CHECK(y.span()[i] == x.value().span()[i] + image.span()[i % 12]);
  CHECK_THROWS_AS(ScaleShift(Tensor({2, 3, 2, 2})), std::invalid_argument);
  CHECK_THROWS_AS(mean(Variable(Tensor::zeros({1, 3, 2, 3}))), std::invalid_argument);
}

TEST_CASE("ScaleShift: either part may be missing, not both; sizes have to agree") {
  const Variable x(numbers({3.0f, 4.0f}).reshape({1, 2}));
  CHECK(ScaleShift(numbers({2.0f, 3.0f}), {})(x).value().to_row_major() ==
        std::vector{6.0f, 12.0f});
  CHECK(ScaleShift({}, numbers({0.5f}))(x).value().to_row_major() == std::vector{3.5f, 4.5f});
  CHECK(ScaleShift({}, numbers({0.5f})).parameters().size() == 1);
  CHECK_THROWS_WITH_AS(
      ScaleShift({}, {}),
      "scale_shift: expected a scale, a shift or both, for the same channels, got 0 "
      "and 0 values",
      std::invalid_argument);
  CHECK_THROWS_AS(ScaleShift(numbers({1.0f, 2.0f}), numbers({1.0f, 2.0f, 3.0f})),
                  std::invalid_argument);
  CHECK_THROWS_AS(ScaleShift(Tensor({1, 2}), {}), std::invalid_argument);
  CHECK_THROWS_AS(ScaleShift(numbers({1.0f, 2.0f, 3.0f}), {})(x), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
