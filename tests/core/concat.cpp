#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <stdexcept>

#include "core/ops/shape_ops.h"

namespace quench {
namespace {

Tensor counting(const Shape& shape, float first) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), first);
  return Tensor::from_row_major(shape, values);
}

}  // namespace

TEST_CASE("concat: channels of images follow one another") {
  const std::array parts{counting({2, 1, 1, 2}, 0), counting({2, 2, 1, 2}, 10)};
  const Tensor joined = concat(parts, 1);
  CHECK(joined.shape() == Shape{2, 3, 1, 2});
  CHECK(joined.to_row_major() == std::vector<float>{0, 1, 10, 11, 12, 13, 2, 3, 14, 15, 16, 17});
}

TEST_CASE("concat: columns of matrices, and batches of any rank") {
  const std::array matrices{counting({2, 1}, 0), counting({2, 2}, 10)};
  CHECK(concat(matrices, 1).to_row_major() == std::vector<float>{0, 10, 11, 1, 12, 13});
  const std::array batches{counting({1, 2, 1, 2}, 0), counting({2, 2, 1, 2}, 4)};
  CHECK(concat(batches, 0).to_row_major() == counting({3, 2, 1, 2}, 0).to_row_major());
  const std::array vectors{counting({2}, 0), counting({0}, 0), counting({1}, 2)};
  CHECK(concat(vectors, 0).to_row_major() == std::vector<float>{0, 1, 2});
}

TEST_CASE("split: undoes concat") {
  for (const int axis : {0, 1}) {
    CAPTURE(axis);
    const Tensor x = counting({6, 6, 20, 30}, 0);
    const std::array<std::int64_t, 3> sizes{1, 3, 2};
    const std::vector<Tensor> parts = split(x, sizes, axis);
    REQUIRE(parts.size() == 3);
    CHECK(parts[1].dim(axis) == 3);
    CHECK(concat(parts, axis).to_row_major() == x.to_row_major());
  }
}

TEST_CASE("concat and split: invalid arguments are rejected") {
  const std::array uneven{counting({2, 1}, 0), counting({3, 1}, 0)};
  CHECK_THROWS_WITH_AS(concat(uneven, 1),
                       "concat: expected shapes that differ only at axis 1, got [2, 1] and [3, 1]",
                       std::invalid_argument);
  const std::array ranks{counting({2}, 0), counting({2, 1}, 0)};
  CHECK_THROWS_AS(concat(ranks, 0), std::invalid_argument);
  CHECK_THROWS_AS(concat(std::span<const Tensor>(), 0), std::invalid_argument);
  CHECK_THROWS_AS(concat(uneven, 2), std::invalid_argument);
  const std::array<std::int64_t, 2> short_sizes{1, 1}, negative{4, -1};
  CHECK_THROWS_AS(split(counting({3, 1}, 0), short_sizes, 0), std::invalid_argument);
  CHECK_THROWS_AS(split(counting({3, 1}, 0), negative, 0), std::invalid_argument);
}

}  // namespace quench
