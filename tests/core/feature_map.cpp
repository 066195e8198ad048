#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/random.h"

namespace quench {
namespace {

Tensor random_tensor(Shape shape, std::uint64_t seed) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = random.normal();
  return out;
}

TEST_CASE("multiply_per_map and sum_per_map: one value per channel of each image") {
  const Tensor x = random_tensor({3, 5, 4, 7}, 1), factor = random_tensor({3, 5, 1, 1}, 2);
  const std::vector<float> in = x.to_row_major(), factors = factor.to_row_major();
  const std::vector<float> product = multiply_per_map(x, factor).to_row_major();
  const std::vector<float> sums = sum_per_map(x).to_row_major();
  REQUIRE(sums.size() == 15);
  for (std::size_t map = 0; map < 15; ++map) {
    double sum = 0.0;
    for (std::size_t i = map * 28; i < (map + 1) * 28; ++i) {
      CHECK(product[i] == in[i] * factors[map]);
      sum += double{in[i]};
    }
    CHECK(sums[map] == static_cast<float>(sum));
  }
}

TEST_CASE("multiply_per_map: other shapes are rejected") {
  CHECK_THROWS_WITH_AS(
      multiply_per_map(Tensor({2, 3, 4, 4}), Tensor({1, 3, 1, 1})),
      "multiply_per_map: expected [N, C, H, W] and [N, C, 1, 1], got [2, 3, 4, 4] and [1, 3, 1, 1]",
      std::invalid_argument);
  CHECK_THROWS_AS(sum_per_map(Tensor({2, 3})), std::invalid_argument);
}

}  // namespace
}  // namespace quench
