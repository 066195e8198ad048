#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/ops/reduce.h"

using namespace quench;

TEST_CASE("first_non_finite: the first in row-major order, whatever the memory order") {
  std::vector<float> values(2 * 3 * 2 * 2, 1.0f);
  Tensor tensor = Tensor::from_row_major({2, 3, 2, 2}, values);
  CHECK(first_non_finite(tensor).empty());
  values[23] = NAN;
  values[21] = -INFINITY;  // 21 = 1 * 12 + 2 * 4 + 0 * 2 + 1
  tensor = Tensor::from_row_major({2, 3, 2, 2}, values);
  CHECK(first_non_finite(tensor) == "-inf at [1, 2, 0, 1]");
  CHECK(first_non_finite(std::vector{NAN}, {}) == "nan at []");
}

TEST_CASE("first_non_finite: integers are finite") {
  CHECK(first_non_finite(Tensor::zeros({2}, DType::s32)).empty());
}
