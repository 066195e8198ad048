#include "core/shape.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace quench {

TEST_CASE("shape: sizes, rank and number of elements") {
  const Shape shape{2, 3, 4, 5};
  CHECK(shape.rank() == 4);
  CHECK(shape[1] == 3);
  CHECK(shape.numel() == 120);
  CHECK(shape.to_string() == "[2, 3, 4, 5]");
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{}.to_string() == "[]");
  CHECK(Shape{7, 0}.numel() == 0);
}

TEST_CASE("shape: equal only in rank and every size") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 1});
}

TEST_CASE("shape: impossible shapes are rejected, also from a file") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 24;
  CHECK_THROWS_WITH_AS((Shape{1, -2}), "shape: expected sizes >= 0, got -2 at axis 1",
                       std::invalid_argument);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1}), std::invalid_argument);
  CHECK_THROWS_AS((Shape{kHuge, kHuge}), std::invalid_argument);     // 2^48
  CHECK_THROWS_AS((Shape{0, kHuge, kHuge}), std::invalid_argument);  // masked by a 0
  CHECK((Shape{kHuge, kHuge - 1}).numel() == kHuge * (kHuge - 1));
}

TEST_CASE("shape: with() replaces one size and checks it") {
  CHECK(Shape{2, 3}.with(0, 5) == Shape{5, 3});
  CHECK_THROWS_AS(Shape({2, 3}).with(0, -1), std::invalid_argument);
}

}  // namespace quench
