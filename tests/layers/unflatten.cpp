#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

TEST_CASE("Unflatten: features become channels of one pixel; images are an error") {
  const Variable features(
      Tensor::from_row_major({2, 3}, std::vector{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}));
  const Variable image = Unflatten()(features);
  CHECK(image.shape() == Shape{2, 3, 1, 1});
  CHECK(image.value().to_row_major() == std::vector{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f});
  CHECK_THROWS_WITH_AS(Unflatten()(image), ": expected [N, C], got [2, 3, 1, 1]",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
