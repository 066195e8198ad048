#include <doctest/doctest.h>

#include "autograd/activation.h"
#include "autograd/gradient_check.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("pointwise: gradients of smooth and of piecewise functions") {
  // Central differences with a small step: few of the normal values lie that near to a kink, and
  // with this seed none does.
  const std::vector<Tensor> x{random_tensor({2, 3, 4, 2}, 5, 2.0f)};
  for (const Pointwise& f :
       {Pointwise::sigmoid(), Pointwise::leaky_relu(0.3f), Pointwise::hard_sigmoid(0.2f, 0.5f),
        Pointwise::hard_swish(), Pointwise::clip(-1.0f, 1.5f)}) {
    CAPTURE(to_string(f.kind()));
    check_gradients([&f](const auto& v) { return apply(f, v[0]); }, x, 1e-3, 1e-3);
  }
}

}  // namespace quench
