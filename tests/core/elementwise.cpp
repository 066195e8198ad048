#include "core/ops/elementwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/random.h"

namespace quench {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor vector_of(const std::vector<float>& values) {
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size())}, values);
}

Tensor random_vector(std::int64_t size, std::uint64_t seed) {
  Tensor x({size});
  Random random(seed, "elementwise");
  for (float& value : x.span()) value = random.normal();
  return x;
}

}  // namespace

TEST_CASE("elementwise: every length up to twice the vector width, and unaligned starts") {
  for (std::int64_t size = 0; size <= 33; ++size) {
    for (const std::int64_t start : {0, 1, 3}) {
      CAPTURE(size);
      CAPTURE(start);
      const Tensor a = random_vector(size + start, 1).slice(start, size + start);
      const Tensor b = random_vector(size + start, 2).slice(start, size + start);
      const Tensor sums = add(a, b), differences = subtract(a, b), products = multiply(a, b);
      const Tensor rounded = round_half_even(multiply_scalar(a, 3.0f)), signs = sign(a);
      bool equal = true;
      for (std::int64_t i = 0; i < size; ++i) {
        const float x = a.data()[i], y = b.data()[i];
        equal = equal && sums.data()[i] == x + y && differences.data()[i] == x - y &&
                products.data()[i] == x * y && rounded.data()[i] == std::nearbyint(x * 3.0f) &&
                signs.data()[i] == (x < 0.0f ? -1.0f : 1.0f);
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("elementwise: long tensors give the same on any number of threads") {
  const Tensor a = random_vector(5 * kParallelGrain + 3, 3), b = random_vector(a.numel(), 4);
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<float> expected = multiply(add(a, b), b).to_row_major();
  set_num_threads(3);
  CHECK(multiply(add(a, b), b).to_row_major() == expected);
  set_num_threads(before);
}

TEST_CASE("sign: 0 and -0 are +1; there are only two values") {
  CHECK(sign(vector_of({-2.0f, -1e-30f, -0.0f, 0.0f, 1e-30f, kInfinity, -kInfinity}))
            .to_row_major() == std::vector<float>{-1, -1, 1, 1, 1, 1, -1});
}

TEST_CASE("clip: bounds are reached, infinities clipped, NaN kept") {
  const std::vector<float> y =
      clip(vector_of({-3.0f, -1.0f, 0.5f, 2.0f, 9.0f, kInfinity, -kInfinity, kNaN}), -1.0f, 2.0f)
          .to_row_major();
  CHECK(std::vector<float>(y.begin(), y.end() - 1) ==
        std::vector<float>{-1, -1, 0.5f, 2, 2, 2, -1});
  CHECK(std::isnan(y.back()));
  CHECK_THROWS_WITH_AS(clip(vector_of({0}), 1.0f, -1.0f),
                       "clip: expected low <= high, got 1 and -1", std::invalid_argument);
}

TEST_CASE("round_half_even: ties go to the even neighbour") {
  CHECK(round_half_even(vector_of({0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4999f, 8388609.0f}))
            .to_row_major() == std::vector<float>{0, 2, 2, 0, -2, 2, 8388609.0f});
}

TEST_CASE("elementwise: per-channel values apply to axis 1, for images and for matrices") {
  const Tensor image = Tensor::from_row_major<float>({1, 2, 1, 3}, {0, 1, 2, 10, 11, 12});
  const Tensor channel = vector_of({100, -1});
  CHECK(add_per_channel(image, channel).to_row_major() ==
        std::vector<float>{100, 101, 102, 9, 10, 11});
  CHECK(multiply_per_channel(image, channel).to_row_major() ==
        std::vector<float>{0, 100, 200, -10, -11, -12});
  const Tensor matrix = Tensor::from_row_major<float>({2, 2}, {1, 2, 3, 4});
  CHECK(add_per_channel(matrix, channel).to_row_major() == std::vector<float>{101, 1, 103, 3});
  CHECK_THROWS_AS(add_per_channel(image, vector_of({1, 2, 3})), std::invalid_argument);
  CHECK_THROWS_AS(add_per_channel(channel, channel), std::invalid_argument);
}

TEST_CASE("maximum and minimum: elementwise; NaN wins over any number") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor a = vector_of({1, -2, 3, nan, 5}), b = vector_of({2, -3, 3, 1, nan});
  const std::vector<float> most = maximum(a, b).to_row_major(),
                           least = minimum(a, b).to_row_major();
  CHECK(std::vector(most.begin(), most.begin() + 3) == std::vector<float>{2, -2, 3});
  CHECK(std::vector(least.begin(), least.begin() + 3) == std::vector<float>{1, -3, 3});
  for (const std::size_t i : {3, 4}) {
    CHECK(std::isnan(most[i]));
    CHECK(std::isnan(least[i]));
  }
  CHECK_THROWS_AS(maximum(a, vector_of({1})), std::invalid_argument);
}

TEST_CASE("add_per_place: one image added to each") {
  const Tensor x = Tensor::from_row_major<float>({2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor image = Tensor::from_row_major<float>({1, 2, 1, 2}, {10, 20, 30, 40});
  CHECK(add_per_place(x, image).to_row_major() ==
        std::vector<float>{11, 22, 33, 44, 15, 26, 37, 48});
  CHECK_THROWS_AS(add_per_place(x, x), std::invalid_argument);
}

TEST_CASE("add_in_place: changes the storage and bumps its version") {
  Tensor a = vector_of({1, 2});
  const Tensor handle = a;
  add_in_place(a, vector_of({10, 20}));
  CHECK(handle.to_row_major() == std::vector<float>{11, 22});
  CHECK(handle.version() == 1);
}

TEST_CASE("map_into: input and output may be one buffer") {
  Tensor x = random_vector(1000, 5);
  const std::vector<float> expected = multiply_scalar(x, 2.0f).to_row_major();
  map_into(x, x, [](float v) { return v * 2.0f; });
  CHECK(x.to_row_major() == expected);
}

TEST_CASE("elementwise: shapes must be equal, types float") {
  CHECK_THROWS_WITH_AS(add(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})),
                       "zip: expected equal shapes, got [2, 3] and [3, 2]", std::invalid_argument);
  Tensor a = Tensor::zeros({2});
  CHECK_THROWS_AS(add_in_place(a, Tensor::zeros({1})), std::invalid_argument);
  CHECK_THROWS_AS(add(a, Tensor::zeros({2}, DType::s32)), std::logic_error);
}

}  // namespace quench
