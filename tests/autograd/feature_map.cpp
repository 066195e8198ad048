#include <doctest/doctest.h>

#include "autograd/arithmetic.h"
#include "autograd/gradient_check.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("multiply_per_map: gradients of both, the factor's summed over the image") {
  const std::vector<Tensor> inputs{random_tensor({2, 3, 2, 4}, 1), random_tensor({2, 3, 1, 1}, 2)};
  check_gradients([](const auto& v) { return multiply_per_map(v[0], v[1]); }, inputs, 0.5, 1e-5);
}

}  // namespace quench
