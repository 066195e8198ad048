#include <doctest/doctest.h>

#include "ptq/rescale_depthwise.h"
#include "quant/fixture.h"

namespace quench::ptq {
namespace {

TEST_CASE("choose_depthwise_rescale: every threshold becomes their mean, zeros stay") {
  const Tensor depthwise = quant::vector_of({1, -2, 0, 0, 6, 3}).reshape({3, 1, 1, 2});
  // Thresholds 2, 0, 6, of which the mean is 8/3.
  CHECK(choose_depthwise_rescale(depthwise).factors ==
        std::vector<double>{8.0 / 6.0, 1.0, 8.0 / 18.0});
}

TEST_CASE("choose_depthwise_rescale: mismatched shapes are rejected") {
  CHECK_THROWS_WITH_AS(
      choose_depthwise_rescale(Tensor::full({3, 2, 3, 3}, 1.0f)),
      "rescale_depthwise: expected a depthwise weight [C, 1, KH, KW], got [3, 2, 3, 3]",
      std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
