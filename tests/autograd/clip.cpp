#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "autograd/activation.h"
#include "autograd/gradient_check.h"

namespace quench {
namespace {

/// The gradient of f at `x`, for the given gradient of its output.
std::vector<float> gradient(const testing::DifferentiableFunction& f, const std::vector<float>& x,
                            const std::vector<float>& grad_output) {
  const Shape shape{static_cast<std::int64_t>(x.size())};
  return testing::weighted_gradients(f, {Tensor::from_row_major(shape, x)},
                                     Tensor::from_row_major(shape, grad_output))[0]
      .to_row_major();
}

const float kAbove = std::nextafter(1.0f, 2.0f);

}  // namespace

TEST_CASE("clip: the gradient passes only on the closed window") {
  CHECK(gradient([](const auto& v) { return clip(v[0], -1.0f, 1.0f); },
                 {-3, -kAbove, -1, 0, 0.5f, 1, kAbove, 3},
                 {1, 2, 3, 4, 5, 6, 7, 8}) == std::vector<float>{0, 0, 3, 4, 5, 6, 0, 0});
  testing::check_gradients([](const auto& v) { return clip(v[0], -0.5f, 0.75f); },
                           {Tensor::from_row_major<float>({4}, {-1, -0.3f, 0.5f, 2})}, 0.1, 1e-5);
}

TEST_CASE("round_ste: rounds, and passes the gradient through") {
  const Variable x(Tensor::from_row_major<float>({3}, {0.5f, 1.5f, -2.4f}), true);
  CHECK(round_ste(x).value().to_row_major() == std::vector<float>{0, 2, -2});
  CHECK(gradient([](const auto& v) { return round_ste(v[0]); }, {0.2f, 0.5f, 1e9f}, {1, -2, 3}) ==
        std::vector<float>{1, -2, 3});
}

TEST_CASE("sign_ste: the gradient passes where |x| <= window") {
  const std::vector<float> x{-2, -kAbove, -1, 0, 1, kAbove, 2}, g{1, 2, 3, 4, 5, 6, 7};
  CHECK(gradient([](const auto& v) { return sign_ste(v[0]); }, x, g) ==
        std::vector<float>{0, 0, 3, 4, 5, 0, 0});
  CHECK(gradient([](const auto& v) { return sign_ste(v[0], 1.5f); }, x, g) ==
        std::vector<float>{0, 2, 3, 4, 5, 6, 0});
  CHECK(sign_ste(Variable(Tensor::scalar(0.0f))).value().item() == 1.0f);
  CHECK_THROWS_AS(sign_ste(Variable(Tensor::scalar(0.0f)), 0.0f), std::invalid_argument);
}

}  // namespace quench
