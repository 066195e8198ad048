#include "autograd/arithmetic.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/gradient_check.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("arithmetic: gradients of sums, differences and products") {
  const std::vector<Tensor> inputs{random_tensor({2, 3}, 1), random_tensor({2, 3}, 2)};
  check_gradients([](const auto& v) { return add(v[0], v[1]); }, inputs, 0.5, 1e-5);
  check_gradients([](const auto& v) { return subtract(v[0], v[1]); }, inputs, 0.5, 1e-5);
  check_gradients([](const auto& v) { return multiply(v[0], v[1]); }, inputs, 0.5, 1e-5);
  check_gradients([](const auto& v) { return multiply_scalar(v[0], -1.5f); }, {inputs[0]}, 0.5,
                  1e-5);
}

TEST_CASE("arithmetic: one value as both operands") {
  const std::vector<Tensor> inputs{random_tensor({5}, 3)};
  check_gradients([](const auto& v) { return add(v[0], v[0]); }, inputs, 0.5, 1e-5);
  check_gradients([](const auto& v) { return subtract(v[0], v[0]); }, inputs, 0.5, 1e-5);
  // A square: central differences are exact for it.
  check_gradients([](const auto& v) { return multiply(v[0], v[0]); }, inputs, 0.5, 1e-5);
}

TEST_CASE("arithmetic: the gradient of an extremum goes to the selected value") {
  // All values differ by more than the step.
  const std::vector<Tensor> inputs{random_tensor({2, 3}, 1), random_tensor({2, 3}, 2)};
  check_gradients([](const auto& v) { return maximum(v[0], v[1]); }, inputs, 1e-2, 1e-4);
  check_gradients([](const auto& v) { return minimum(v[0], v[1]); }, inputs, 1e-2, 1e-4);
  const Variable a(Tensor::scalar(2.0f), true), b(Tensor::scalar(2.0f), true);
  maximum(a, b).backward();
  CHECK(a.grad().item() == 1.0f);
  CHECK(b.grad().item() == 0.0f);
}

TEST_CASE("arithmetic: adding a constant image does not change the gradient") {
  const Tensor image = random_tensor({1, 3, 2, 2}, 1);
  check_gradients([&](const auto& v) { return add_per_place(v[0], image); },
                  {random_tensor({2, 3, 2, 2}, 2)}, 0.5, 1e-5);
}

TEST_CASE("arithmetic: per-channel gradients are summed over batch and pixels") {
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 2, 2}}) {
    CAPTURE(shape.to_string());
    const std::vector<Tensor> inputs{random_tensor(shape, 4), random_tensor({3}, 5)};
    check_gradients([](const auto& v) { return add_per_channel(v[0], v[1]); }, inputs, 0.5, 1e-5);
    check_gradients([](const auto& v) { return multiply_per_channel(v[0], v[1]); }, inputs, 0.5,
                    1e-5);
  }
}

TEST_CASE("arithmetic: a factor per slice of axis 0, whatever the rank") {
  for (const Shape& shape : {Shape{3}, Shape{3, 4}, Shape{3, 2, 2, 1}}) {
    CAPTURE(shape.to_string());
    const std::vector<Tensor> inputs{random_tensor(shape, 6), random_tensor({3}, 7)};
    const Tensor product = multiply_per_slice(Variable(inputs[0]), Variable(inputs[1])).value();
    const auto slice = static_cast<std::size_t>(shape.numel() / 3);
    for (std::size_t i = 0; i < product.span().size(); ++i)
      CHECK(product.span()[i] == inputs[0].span()[i] * inputs[1].span()[i / slice]);
    check_gradients([](const auto& v) { return multiply_per_slice(v[0], v[1]); }, inputs, 0.5,
                    1e-5);
  }
  CHECK_THROWS_AS(multiply_per_slice(Variable(Tensor({3, 4})), Variable(Tensor(Shape{4}))),
                  std::invalid_argument);
}

TEST_CASE("arithmetic: constants get no gradient") {
  const Variable x(Tensor::scalar(3.0f), true), constant(Tensor::scalar(4.0f));
  subtract(constant, multiply(constant, x)).backward();
  CHECK(x.grad().item() == -4.0f);
  CHECK_FALSE(constant.grad().defined());
}

}  // namespace quench
