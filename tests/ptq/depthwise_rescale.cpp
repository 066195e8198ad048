#include "ptq/depthwise_rescale.h"

#include <doctest/doctest.h>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("rescale_depthwise: every threshold becomes their mean, and products stay") {
  Tensor depthwise = vector_of({1, -2, 0, 0, 6, 3}).reshape({3, 1, 1, 2});
  Tensor none, pointwise = vector_of({10, 10, 10}).reshape({1, 3, 1, 1});
  const DepthwiseRescale done = rescale_depthwise(depthwise, none, pointwise);
  // Thresholds 2, 0, 6, of which the mean is 8/3.
  CHECK(done.factors == std::vector<double>{8.0 / 6.0, 1.0, 8.0 / 18.0});
  CHECK(depthwise.data()[1] * pointwise.data()[0] == doctest::Approx(-20.0));
  CHECK(depthwise.data()[4] == doctest::Approx(8.0 / 3.0));
  CHECK(pointwise.data()[1] == 10.0f);
}

TEST_CASE("rescale_depthwise: shapes that do not fit are refused before anything changes") {
  Tensor depthwise = Tensor::full({3, 1, 3, 3}, 1.0f), bias = Tensor::zeros({2});
  Tensor none, pointwise = Tensor::full({4, 2, 1, 1}, 1.0f);
  CHECK_THROWS_WITH_AS(rescale_depthwise(depthwise, bias, pointwise),
                       "rescale_depthwise: expected a bias [3], got [2]", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      rescale_depthwise(depthwise, none, pointwise),
      "rescale_depthwise: expected a pointwise weight [O, 3, 1, 1], got [4, 2, 1, 1]",
      std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
