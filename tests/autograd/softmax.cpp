#include "autograd/activation.h"
#include "autograd/gradient_check.h"

using namespace quench;
using namespace quench::testing;

TEST_CASE("softmax and log_softmax: backward is the derivative") {
  const Tensor x = random_tensor({4, 7}, 1, 2.0f);
  check_gradients([](const auto& in) { return softmax(in[0]); }, {x}, 1e-2, 1e-4);
  check_gradients([](const auto& in) { return log_softmax(in[0]); }, {x}, 1e-2, 2e-4);
}
