#include "layers/normalization.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "layers/reference.h"

namespace quench::layers {
namespace {

using testing::random_tensor;

TEST_CASE("GroupNorm over pixels: mean 0 and variance 1 of the channels of each") {
  GroupNorm norm({.channels = 3, .groups = 1, .eps = 0.0f, .over = GroupNorm::Over::pixel});
  const Tensor x = random_tensor({2, 3, 4, 3}, 1);
  const Tensor y = norm(Variable(x)).value();
  CHECK(y.shape() == x.shape());
  for (std::size_t first = 0; first < 72; first += 3) {  // three channels of a pixel
    double mean = 0.0, variance = 0.0;
    for (std::size_t i = first; i < first + 3; ++i) mean += double{x.span()[i]} / 3.0;
    for (std::size_t i = first; i < first + 3; ++i)
      variance += (double{x.span()[i]} - mean) * (double{x.span()[i]} - mean) / 3.0;
    for (std::size_t i = first; i < first + 3; ++i)
      CHECK(y.span()[i] ==
            doctest::Approx((double{x.span()[i]} - mean) / std::sqrt(variance)).epsilon(1e-4));
  }
}

TEST_CASE("GroupNorm: gain is initially 1 and bias 0, both trained; sizes are checked") {
  GroupNorm norm({.channels = 4, .groups = 2});
  REQUIRE(norm.parameters().size() == 2);
  CHECK(norm.gain().value().to_row_major() == std::vector{1.0f, 1.0f, 1.0f, 1.0f});
  CHECK(norm.bias().value().to_row_major() == std::vector{0.0f, 0.0f, 0.0f, 0.0f});
  CHECK_THROWS_AS(GroupNorm({.channels = 4, .groups = 3}), std::invalid_argument);
  CHECK_THROWS_AS(GroupNorm({.channels = 4, .groups = 2, .over = GroupNorm::Over::pixel}),
                  std::invalid_argument);
  CHECK_THROWS_AS(norm(Variable(Tensor::zeros({1, 6, 2, 2}))), std::invalid_argument);
  CHECK_THROWS_AS(LocalResponseNorm({.size = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
