#include <doctest/doctest.h>

#include "autograd/gradient_check.h"
#include "autograd/norm.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("group_norm: gradients of image, gain and bias") {
  const std::vector<Tensor> inputs{random_tensor({2, 4, 3, 2}, 1), random_tensor({4}, 2),
                                   random_tensor({4}, 3)};
  for (const std::int64_t groups : {1, 2, 4}) {
    CAPTURE(groups);
    check_gradients([groups](const auto& v) { return group_norm(v[0], v[1], v[2], groups, 1e-2f); },
                    inputs, 1e-2, 2e-3);
  }
}

TEST_CASE("local_response_norm: gradients through the sums over neighbouring channels") {
  for (const std::int64_t size : {1, 2, 5}) {
    CAPTURE(size);
    const LocalResponseParams params{.size = size, .alpha = 0.8f, .beta = 0.75f, .bias = 1.0f};
    check_gradients([&params](const auto& v) { return local_response_norm(v[0], params); },
                    {random_tensor({2, 6, 2, 1}, 4)}, 1e-2, 2e-3);
  }
}

}  // namespace quench
