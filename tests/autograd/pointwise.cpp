#include <doctest/doctest.h>

#include <vector>

#include "autograd/activation.h"
#include "autograd/gradient_check.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("pointwise: gradients of smooth and of piecewise functions") {
  // Central differences with a small step: few of the normal values lie that near to a kink, and
  // with this seed none does.
  const std::vector<Tensor> x{random_tensor({2, 3, 4, 2}, 5, 2.0f)};
  std::vector<Pointwise> functions{Pointwise::leaky_relu(0.3f), Pointwise::elu(0.5f, 2.0f),
                                   Pointwise::hard_sigmoid(0.2f, 0.5f),
                                   Pointwise::clip(-1.0f, 1.5f)};
  using Kind = Pointwise::Kind;
  for (const Kind kind : {Kind::hard_swish, Kind::sigmoid, Kind::tanh, Kind::softplus, Kind::mish,
                          Kind::gelu, Kind::gelu_tanh, Kind::erf, Kind::exp, Kind::floor})
    functions.emplace_back(kind);
  for (const Pointwise& f : functions) {
    CAPTURE(to_string(f.kind()));
    check_gradients([&f](const auto& v) { return apply(f, v[0]); }, x, 1e-3, 1e-3);
  }
}

TEST_CASE("prelu: gradients of input and slope") {
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 4, 2}}) {
    CAPTURE(shape.to_string());
    const std::vector<Tensor> inputs{random_tensor(shape, 5, 2.0f), random_tensor({3}, 6)};
    check_gradients([](const auto& v) { return prelu(v[0], v[1]); }, inputs, 1e-3, 1e-3);
  }
}

}  // namespace quench
