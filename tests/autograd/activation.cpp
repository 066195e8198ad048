#include "autograd/activation.h"

#include "autograd/gradient_check.h"

using namespace quench;
using namespace quench::testing;

TEST_CASE("activate: backward is the derivative away from the kinks") {
  const Tensor x = Tensor::from_row_major<float>({2, 4}, {-7, -2, -0.5f, -0.1f, 0.1f, 0.7f, 3, 8});
  for (const Activation a :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    CAPTURE(to_string(a));
    // Linear between kinks: only rounding remains.
    check_gradients([a](const auto& in) { return activate(in[0], a); }, {x}, 0.05, 1e-5);
  }
}
