#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/gradient_check.h"
#include "autograd/nn.h"

namespace quench {

using testing::random_tensor;

TEST_CASE("linear: input times weight transposed, plus bias") {
  const Variable input(Tensor::from_row_major<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const Variable weight(Tensor::from_row_major<float>({2, 3}, {1, 0, -1, 2, 2, 2}));
  const Variable bias(Tensor::from_row_major<float>({2}, {100, 200}));
  CHECK(linear(input, weight).value().to_row_major() == std::vector<float>{-2, 12, -2, 30});
  CHECK(linear(input, weight, bias).value().to_row_major() == std::vector<float>{98, 212, 98, 230});
}

TEST_CASE("linear: gradients, with a bias and without") {
  const std::vector<Tensor> inputs{random_tensor({4, 5}, 1), random_tensor({3, 5}, 2),
                                   random_tensor({3}, 3)};
  testing::check_gradients([](const auto& v) { return linear(v[0], v[1], v[2]); }, inputs, 0.5,
                           2e-5);
  testing::check_gradients([](const auto& v) { return linear(v[0], v[1]); }, {inputs[0], inputs[1]},
                           0.5, 2e-5);
}

TEST_CASE("linear: shapes that do not fit are named") {
  const Variable input(Tensor::zeros({2, 3})), weight(Tensor::zeros({4, 5}));
  CHECK_THROWS_WITH_AS(linear(input, weight),
                       "linear: expected input [N, I] and weight [O, I], got [2, 3] and [4, 5]",
                       std::invalid_argument);
  CHECK_THROWS_AS(linear(input, Variable(Tensor::zeros({4, 3})), Variable(Tensor::zeros({3}))),
                  std::invalid_argument);
}

}  // namespace quench
