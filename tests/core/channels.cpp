#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "core/ops/group_norm.h"
#include "core/ops/local_response_norm.h"
#include "core/ops/prelu.h"
#include "core/ops/select_channels.h"
#include "core/ops/upsample.h"
#include "core/random.h"

// Operations on channels and pixels of images, compared with row-major loops in double precision.

namespace quench {
namespace {

using Channels = std::vector<std::int64_t>;

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = random.normal();
  return out;
}

Tensor counting(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from_row_major(shape, values);
}

TEST_CASE("select_channels: slices, shuffles, repeats") {
  const Tensor x = counting({2, 3, 1, 2});
  CHECK(select_channels(x, Channels{1, 2}).to_row_major() ==
        std::vector<float>{2, 3, 4, 5, 8, 9, 10, 11});
  CHECK(select_channels(x, Channels{2, 0, 2}).to_row_major() ==
        std::vector<float>{4, 5, 0, 1, 4, 5, 10, 11, 6, 7, 10, 11});
  CHECK(select_channels(counting({2, 3}), Channels{1}).to_row_major() == std::vector<float>{1, 4});
  const Tensor grad = counting({2, 3, 1, 2});
  CHECK(select_channels_backward(grad, Channels{2, 0, 2}, x.shape()).to_row_major() ==
        std::vector<float>{2, 3, 0, 0, 4, 6, 8, 9, 0, 0, 16, 18});
}

TEST_CASE("select_channels: invalid channels are rejected") {
  const Tensor x = counting({2, 3, 1, 2});
  CHECK_THROWS_WITH_AS(select_channels(x, Channels{0, 3}),
                       "select_channels: expected channels in 0..2, got 3", std::invalid_argument);
  CHECK_THROWS_AS(select_channels(x, Channels{-1}), std::invalid_argument);
  CHECK_THROWS_AS(select_channels(x, Channels{}), std::invalid_argument);
  CHECK_THROWS_AS(select_channels(counting({3}), Channels{0}), std::invalid_argument);
  CHECK_THROWS_AS(select_channels_backward(x, Channels{0}, x.shape()), std::invalid_argument);
}

TEST_CASE("upsample: each pixel becomes a block, whose gradients it gets") {
  const Tensor x = counting({1, 2, 1, 2});
  CHECK(upsample(x, {2, 3}).to_row_major() ==
        std::vector<float>{0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1,  //
                           2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3});
  CHECK(upsample_backward(counting({1, 1, 2, 4}), {2, 2}).to_row_major() ==
        std::vector<float>{0 + 1 + 4 + 5, 2 + 3 + 6 + 7});
  const Tensor big = random_tensor({2, 5, 30, 7}, 1);
  CHECK(upsample(big, {1, 1}).to_row_major() == big.to_row_major());
  CHECK_THROWS_AS(upsample(counting({2, 3}), {2, 2}), std::invalid_argument);
  CHECK_THROWS_AS(upsample_backward(counting({1, 1, 3, 4}), {2, 2}), std::invalid_argument);
}

TEST_CASE("prelu: a slope per channel, below 0 only; NaN stays NaN") {
  const Tensor slope = Tensor::from_row_major({2}, std::vector{0.5f, -2.0f});
  const Tensor x = Tensor::from_row_major({2, 2, 1, 2}, std::vector{1.0f, -1.0f, 2.0f, -2.0f,  //
                                                                    -3.0f, 0.0f, NAN, -4.0f});
  const std::vector<float> y = prelu(x, slope).to_row_major();
  CHECK(std::vector(y.begin(), y.begin() + 6) == std::vector{1.0f, -0.5f, 2.0f, 4.0f, -1.5f, 0.0f});
  CHECK(std::isnan(y[6]));
  CHECK(y[7] == 8.0f);
  CHECK_THROWS_AS(prelu(x, Tensor::zeros({3})), std::invalid_argument);
}

TEST_CASE("group_norm: mean 0 and variance 1 of each group, then gain and bias") {
  const Tensor x = random_tensor({2, 6, 3, 2}, 1), gain = random_tensor({6}, 2),
               bias = random_tensor({6}, 3);
  for (const std::int64_t groups : {1, 2, 3, 6}) {
    CAPTURE(groups);
    const std::vector<float> in = x.to_row_major(),
                             out = group_norm(x, gain, bias, groups, 1e-3f).to_row_major();
    const std::size_t size = 36 / static_cast<std::size_t>(groups);  // row-major: consecutive
    for (std::size_t first = 0; first < in.size(); first += size) {
      double mean = 0.0, variance = 0.0;
      for (std::size_t i = first; i < first + size; ++i) mean += in[i];
      mean /= static_cast<double>(size);
      for (std::size_t i = first; i < first + size; ++i)
        variance += (in[i] - mean) * (in[i] - mean);
      variance /= static_cast<double>(size);
      for (std::size_t i = first; i < first + size; ++i) {
        const std::size_t c = i / 6 % 6;
        const double expected = (in[i] - mean) / std::sqrt(variance + 1e-3) * gain.span()[c] +
                                static_cast<double>(bias.span()[c]);
        CHECK(out[i] == doctest::Approx(expected).epsilon(1e-5));
      }
    }
  }
  CHECK_THROWS_AS(group_norm(x, gain, bias, 4, 1e-3f), std::invalid_argument);
  CHECK_THROWS_AS(group_norm(x, gain, Tensor::zeros({5}), 2, 1e-3f), std::invalid_argument);
}

TEST_CASE("local_response_norm: squares of the neighbouring channels, as far as they exist") {
  const Tensor x = random_tensor({2, 7, 2, 3}, 4);
  for (const std::int64_t size : {1, 2, 3, 4, 5, 20}) {
    CAPTURE(size);
    const LocalResponseParams params{.size = size, .alpha = 0.5f, .beta = 0.75f, .bias = 1.5f};
    const std::vector<float> in = x.to_row_major(),
                             out = local_response_norm(x, params).to_row_major();
    for (std::int64_t i = 0; i < 84; ++i) {
      const std::int64_t c = i / 6 % 7;
      double sum = 0.0;
      for (std::int64_t d = std::max<std::int64_t>(c - (size - 1) / 2, 0);
           d <= std::min<std::int64_t>(c + size / 2, 6); ++d) {
        const double other = in[static_cast<std::size_t>(i + (d - c) * 6)];
        sum += other * other;
      }
      const double v = in[static_cast<std::size_t>(i)];
      CHECK(out[static_cast<std::size_t>(i)] ==
            doctest::Approx(v / std::pow(1.5 + 0.5 / static_cast<double>(size) * sum, 0.75))
                .epsilon(1e-5));
    }
  }
  CHECK_THROWS_AS(local_response_norm(x, {.size = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace quench
