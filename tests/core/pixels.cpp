#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>
#include <vector>

#include "core/ops/interpolate.h"
#include "core/ops/rearrange.h"
#include "core/ops/select_pixels.h"
#include "core/tensor.h"

// Selected, moved and interpolated pixels, compared with values that a person can check.

namespace quench {
namespace {

using Numbers = std::vector<std::int64_t>;
using Values = std::vector<float>;

Tensor counting(const Shape& shape) {
  Values values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from_row_major(shape, values);
}

TEST_CASE("select_pixels: rows and columns by index, and their gradients") {
  const Tensor x = counting({1, 2, 2, 3});
  const Numbers rows{1, 0, 1}, columns{2, 0};
  CHECK(select_pixels(x, rows, columns).to_row_major() ==
        Values{5, 3, 2, 0, 5, 3, 11, 9, 8, 6, 11, 9});
  const Tensor grad = counting({1, 2, 3, 2});
  CHECK(select_pixels_backward(grad, rows, columns, x.shape()).to_row_major() ==
        Values{3, 0, 2, 6, 0, 4, 9, 0, 8, 18, 0, 16});
}

TEST_CASE("select_pixels: invalid indices are rejected") {
  const Tensor x = counting({1, 2, 2, 3});
  CHECK_THROWS_WITH_AS(select_pixels(x, Numbers{2}, Numbers{0}),
                       "select_pixels: expected rows in 0..1, got 2", std::invalid_argument);
  CHECK_THROWS_AS(select_pixels(x, Numbers{0}, Numbers{-1}), std::invalid_argument);
  CHECK_THROWS_AS(select_pixels(x, Numbers{}, Numbers{0}), std::invalid_argument);
  CHECK_THROWS_AS(select_pixels(counting({2, 3}), Numbers{0}, Numbers{0}), std::invalid_argument);
  CHECK_THROWS_AS(select_pixels_backward(x, Numbers{0}, Numbers{0}, x.shape()),
                  std::invalid_argument);
}

TEST_CASE("interpolate: between four pixels, which share the gradient") {
  const Tensor x = Tensor::from_row_major({1, 1, 2, 2}, Values{0, 4, 8, 20});
  const std::vector<Between> rows{{0, 1, 0.5f}, {1, 1, 0.0f}}, columns{{0, 1, 0.25f}};
  CHECK(interpolate(x, rows, columns).to_row_major() == Values{6, 11});
  const Tensor grad = Tensor::from_row_major({1, 1, 2, 1}, Values{8, 4});
  CHECK(interpolate_backward(grad, rows, columns, x.shape()).to_row_major() == Values{3, 1, 6, 2});
}

TEST_CASE("interpolate: invalid arguments are rejected") {
  const Tensor x = counting({1, 1, 2, 2});
  const std::vector<Between> fits{{0, 1, 0.5f}}, beyond{{1, 2, 0.5f}};
  CHECK_THROWS_WITH_AS(interpolate(x, fits, beyond),
                       "interpolate: expected columns in 0..1, got 1 and 2", std::invalid_argument);
  CHECK_THROWS_AS(interpolate(x, {}, fits), std::invalid_argument);
  CHECK_THROWS_AS(interpolate(counting({2, 3}), fits, fits), std::invalid_argument);
}

TEST_CASE("rearrange: channels become pixels, in quench's memory order") {
  // Four channels of one pixel, 0 to 3, are a block of 2 x 2 pixels.
  const Rearrangement blocks{.dims = {1, 2, 2, 2, 1}, .axes = {0, 2, 1, 3, 4}, .size = {1, 2, 4}};
  const Tensor x = counting({1, 4, 1, 2});  // channels 0 2 4 6 and 1 3 5 7
  CHECK(rearrange(x, blocks).to_row_major() == Values{0, 2, 1, 3, 4, 6, 5, 7});
  CHECK(rearrange_backward(rearrange(x, blocks), blocks, x.shape()).to_row_major() ==
        x.to_row_major());
}

TEST_CASE("rearrange: axes that stay in place move as one run") {
  const Rearrangement swapped{.dims = {2, 3, 4}, .axes = {1, 0, 2}, .size = {4, 3, 2}};
  std::vector<std::int64_t> runs;
  for_each_run(swapped, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
    CHECK(count == 4);
    CHECK(to == 4 * std::ssize(runs));
    runs.push_back(from);
  });
  CHECK(runs == Numbers{0, 12, 4, 16, 8, 20});
  const Rearrangement same{.dims = {2, 3, 4}, .axes = {0, 1, 2}, .size = {24, 1, 1}};
  int calls = 0;
  for_each_run(same, [&](auto, auto, std::int64_t count) { calls += count == 24 ? 1 : 100; });
  CHECK(calls == 1);
}

TEST_CASE("rearrange: invalid arguments are rejected") {
  const Tensor x = counting({1, 2, 2, 3});
  const auto refused = [&](const Rearrangement& rearrangement) {
    CHECK_THROWS_AS(rearrange(x, rearrangement), std::invalid_argument);
  };
  CHECK_THROWS_WITH_AS(rearrange(x, {.dims = {3, 4}, .axes = {0, 0}, .size = {12, 1, 1}}),
                       "rearrange: expected each of 2 axes once, got [0, 0]",
                       std::invalid_argument);
  refused({.dims = {3, 4}, .axes = {0}, .size = {12, 1, 1}});
  refused({.dims = {3, 4}, .axes = {0, 1}, .size = {12, 1}});
  refused({.dims = {3, 4}, .axes = {0, 1}, .size = {6, 1, 1}});
  refused({.dims = {-3, -4}, .axes = {0, 1}, .size = {12, 1, 1}});
  refused({.dims = {3, 5}, .axes = {0, 1}, .size = {15, 1, 1}});
}

}  // namespace
}  // namespace quench
