#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

#include "autograd/nn.h"
#include "layers/arithmetic.h"

namespace quench::layers {
namespace {

using Kind = Extremum::Kind;

Variable row(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Variable(Tensor::from_row_major({1, count}, values), true);
}

TEST_CASE("Extremum: three inputs, each with the gradient where it was selected") {
  const std::array inputs{row({1.0f, 5.0f, 3.0f}), row({2.0f, 4.0f, 3.0f}),
                          row({0.0f, 6.0f, 3.0f})};
  CHECK(Extremum(Kind::smallest)(inputs).value().to_row_major() == std::vector{0.0f, 4.0f, 3.0f});
  const Variable output = Extremum(Kind::largest)(inputs);
  CHECK(output.value().to_row_major() == std::vector{2.0f, 6.0f, 3.0f});
  linear(output, row({1.0f, 10.0f, 100.0f}), {}).backward();
  CHECK(inputs[0].grad().to_row_major() == std::vector{0.0f, 0.0f, 100.0f});
  CHECK(inputs[1].grad().to_row_major() == std::vector{1.0f, 0.0f, 0.0f});
  CHECK(inputs[2].grad().to_row_major() == std::vector{0.0f, 10.0f, 0.0f});
}

TEST_CASE("Extremum: one input or two shapes are an error") {
  CHECK_THROWS_AS(Extremum(Kind::largest)(row({1.0f})), std::logic_error);
  CHECK_THROWS_AS(Extremum(Kind::largest)(row({1.0f}), row({1.0f, 2.0f})), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
