#include <doctest/doctest.h>

#include <stdexcept>

#include "core/ops/shape_ops.h"
#include "core/random.h"

namespace quench {
namespace {

/// The element [n, c, y, x] of a channels-last tensor.
float at(const Tensor& t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
  return t.data()[((n * t.dim(2) + y) * t.dim(3) + x) * t.dim(1) + c];
}

Tensor random_image(const Shape& shape) {
  Tensor image(shape);
  Random random(1, "pad");
  random.fill_uniform(image.span());
  return image;
}

}  // namespace

TEST_CASE("pad: each side by its own amount, around unchanged pixels") {
  const Tensor image = random_image({2, 3, 4, 5});
  const Padding padding{.top = 1, .left = 2, .bottom = 0, .right = 3};
  const Tensor padded = pad(image, padding, -7.0f);
  REQUIRE(padded.shape() == Shape{2, 3, 5, 10});
  bool equal = true;
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t y = 0; y < 5; ++y) {
        for (std::int64_t x = 0; x < 10; ++x) {
          const bool inside = y >= 1 && x >= 2 && x < 7;
          equal =
              equal && at(padded, n, c, y, x) == (inside ? at(image, n, c, y - 1, x - 2) : -7.0f);
        }
      }
    }
  }
  CHECK(equal);
  CHECK(crop(padded, padding).to_row_major() == image.to_row_major());
}

TEST_CASE("pad: zeros by default, no copy without padding, and large and empty images") {
  const Tensor image = Tensor::full({1, 1, 1, 1}, 5.0f);
  CHECK(pad(image, {1, 1, 1, 1}).to_row_major() == std::vector<float>{0, 0, 0, 0, 5, 0, 0, 0, 0});
  CHECK(pad(image, {}).to_row_major() == image.to_row_major());
  const Tensor large = random_image({8, 16, 20, 30});
  CHECK(crop(pad(large, {2, 1, 3, 4}), {2, 1, 3, 4}).to_row_major() == large.to_row_major());
  CHECK(pad(Tensor::zeros({0, 2, 3, 3}), {1, 1, 1, 1}).shape() == Shape{0, 2, 5, 5});
}

TEST_CASE("pad: invalid arguments are rejected") {
  CHECK_THROWS_AS(pad(Tensor::zeros({2, 3}), {1, 1, 1, 1}), std::invalid_argument);
  CHECK_THROWS_WITH_AS(pad(Tensor::zeros({1, 1, 2, 2}), {.left = -1}),
                       "pad: expected padding >= 0, got top 0, bottom 0, left -1, right 0",
                       std::invalid_argument);
  CHECK_THROWS_AS(crop(Tensor::zeros({1, 1, 2, 2}), {2, 0, 1, 0}), std::invalid_argument);
}

}  // namespace quench
