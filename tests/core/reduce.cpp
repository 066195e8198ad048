#include "core/ops/reduce.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"

namespace quench {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor x(shape);
  Random random(seed, "reduce");
  for (float& value : x.span()) value = random.normal();
  return x;
}

Tensor vector_of(const std::vector<float>& values) {
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

TEST_CASE("reduce: sum, max_abs and min_max match a plain loop in double, for many lengths") {
  for (const std::int64_t size : {1, 2, 7, 15, 16, 17, 33, 1000, 16384, 16385, 100003}) {
    CAPTURE(size);
    const Tensor x = random_tensor({size}, static_cast<std::uint64_t>(size));
    double total = 0.0;
    float largest = 0.0f, low = kInfinity, high = -kInfinity;
    for (const float value : x.span()) {
      total += static_cast<double>(value);
      largest = std::max(largest, std::abs(value));
      low = std::min(low, value);
      high = std::max(high, value);
    }
    CHECK(std::abs(sum(x) - total) < 1e-9);
    CHECK(std::abs(mean(x) - total / static_cast<double>(size)) < 1e-12);
    CHECK(max_abs(x) == largest);
    CHECK(min_max(x).min == low);
    CHECK(min_max(x).max == high);
  }
}

TEST_CASE("sum: does not lose small values next to a large one") {
  Tensor x = Tensor::full({100001}, 1.0f);
  x.data()[0] = 1e9f;  // in float, 1e9 + 1 is 1e9
  CHECK(sum(x) == 1000100000.0);
}

TEST_CASE("reduce: bits do not depend on the number of threads") {
  const Tensor x = random_tensor({300, 7, 20, 5}, 1);
  const int before = num_threads();
  set_num_threads(1);
  const double one = sum(x);
  const std::vector<float> one_per_channel = sum_per_channel(x).to_row_major();
  set_num_threads(3);
  CHECK(sum(x) == one);
  CHECK(sum_per_channel(x).to_row_major() == one_per_channel);
  set_num_threads(before);
}

TEST_CASE("reduce: empty tensors and NaN") {
  CHECK(sum(Tensor::zeros({0})) == 0.0);
  CHECK(max_abs(Tensor::zeros({0})) == 0.0f);
  CHECK_THROWS_AS(mean(Tensor::zeros({0})), std::invalid_argument);
  CHECK_THROWS_AS(min_max(Tensor::zeros({2, 0})), std::invalid_argument);
  CHECK(max_abs(vector_of({1, kNaN, -3})) == 3.0f);
  CHECK(min_max(vector_of({kNaN, 2, 5, kNaN})).min == 2.0f);
  CHECK(min_max(vector_of({kNaN, 2, 5, kNaN})).max == 5.0f);
}

TEST_CASE("sum_per_channel: sums over batch, height and width") {
  const Tensor image = Tensor::from_row_major<float>({2, 2, 1, 2}, {1, 2, 10, 20, 3, 4, 30, 40});
  CHECK(sum_per_channel(image).to_row_major() == std::vector<float>{10, 100});
  const Tensor matrix = Tensor::from_row_major<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(sum_per_channel(matrix).to_row_major() == std::vector<float>{5, 7, 9});
  CHECK(sum_per_channel(Tensor::zeros({0, 3})).to_row_major() == std::vector<float>{0, 0, 0});
  CHECK_THROWS_AS(sum_per_channel(Tensor::zeros({3})), std::invalid_argument);
}

TEST_CASE("sum_per_channel: matches double for one channel and for many") {
  for (const std::int64_t channels : {1, 3, 40, 20000}) {
    CAPTURE(channels);
    const Tensor x = random_tensor({160000 / channels, channels}, 2);
    const Tensor sums = sum_per_channel(x);
    double worst = 0.0;
    for (std::int64_t c = 0; c < channels; ++c) {
      double expected = 0.0;
      for (std::int64_t n = 0; n < x.dim(0); ++n) {
        expected += static_cast<double>(x.data()[n * channels + c]);
      }
      worst = std::max(worst, std::abs(static_cast<double>(sums.data()[c]) - expected));
    }
    CHECK(worst < 5e-5);  // half a unit in the last place of sums below 1000
  }
}

TEST_CASE("argmax: the first of equal values, and NaN never") {
  const Tensor x =
      Tensor::from_row_major<float>({4, 3}, {1, 3, 3, -5, -4, -9, kNaN, 1, 2, kNaN, kNaN, kNaN});
  CHECK(argmax(x).to_row_major<std::int32_t>() == std::vector<std::int32_t>{1, 1, 2, 0});
  CHECK_THROWS_AS(argmax(Tensor::zeros({3, 0})), std::invalid_argument);
  CHECK_THROWS_AS(argmax(Tensor::zeros({3})), std::invalid_argument);
}

TEST_CASE("all_finite: sees one bad value anywhere") {
  CHECK(all_finite(Tensor::zeros({0})));
  CHECK(all_finite(vector_of({0, -1, std::numeric_limits<float>::max(), 1e-45f})));
  for (const float bad : {kNaN, -kNaN, kInfinity, -kInfinity}) {
    for (const std::int64_t at : {0, 17, 40000, 50000}) {
      Tensor x = random_tensor({50001}, 3);
      x.data()[at] = bad;
      CHECK_FALSE(all_finite(x));
    }
  }
}

}  // namespace quench
