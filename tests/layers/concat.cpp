#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

#include "autograd/nn.h"
#include "autograd/shape_ops.h"
#include "layers/reference.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

using testing::random_tensor;

Variable row(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Variable(Tensor::from_row_major({1, count}, values), true);
}

TEST_CASE("Concat: three inputs along the channels, each with its share of the gradient") {
  const std::array inputs{row({1.0f}), row({2.0f, 3.0f}), row({4.0f})};
  Concat concat;
  const Variable output = concat(inputs);
  CHECK(output.value().to_row_major() == std::vector{1.0f, 2.0f, 3.0f, 4.0f});
  linear(output, row({5.0f, 6.0f, 7.0f, 8.0f}), {}).backward();
  CHECK(inputs[0].grad().to_row_major() == std::vector{5.0f});
  CHECK(inputs[1].grad().to_row_major() == std::vector{6.0f, 7.0f});
  CHECK(inputs[2].grad().to_row_major() == std::vector{8.0f});
}

TEST_CASE("Concat: images of one size") {
  const Variable a(random_tensor({2, 3, 2, 2}, 1)), b(random_tensor({2, 1, 2, 2}, 2));
  const Tensor joined = Concat()(a, b).value();
  CHECK(joined.shape() == Shape{2, 4, 2, 2});
  for (std::int64_t pixel = 0; pixel < 8; ++pixel)
    CHECK(joined.data()[pixel * 4 + 3] == b.value().data()[pixel]);
  CHECK_THROWS_AS(Concat()(a, Variable(random_tensor({2, 1, 2, 3}, 2))), std::invalid_argument);
}

TEST_CASE("modules: a wrong number of inputs is rejected") {
  const Variable x = row({1.0f});
  CHECK_THROWS_AS(Concat()(x), std::logic_error);
  CHECK_THROWS_AS(Concat()(std::span<const Variable>()), std::logic_error);
}

}  // namespace
}  // namespace quench::layers
