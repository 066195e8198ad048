#include "autograd/shape_ops.h"

#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

#include "autograd/arithmetic.h"
#include "autograd/gradient_check.h"

namespace quench {

using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("shape_ops: gradients of reshape, flatten, slice, pad and crop") {
  const std::vector<Tensor> image{random_tensor({3, 2, 2, 3}, 1)};
  check_gradients([](const auto& v) { return reshape(v[0], {6, 6}); }, image, 0.5, 1e-5);
  check_gradients([](const auto& v) { return flatten(v[0]); }, image, 0.5, 1e-5);
  check_gradients([](const auto& v) { return slice(v[0], 1, 3); }, image, 0.5, 1e-5);
  check_gradients([](const auto& v) { return pad(v[0], {1, 0, 2, 3}, 0.5f); }, image, 0.5, 1e-5);
  check_gradients([](const auto& v) { return crop(v[0], {1, 0, 0, 2}); }, image, 0.5, 1e-5);
}

TEST_CASE("shape_ops: gradients of concat, along channels and along the batch") {
  for (const int axis : {0, 1}) {
    CAPTURE(axis);
    const Shape other = axis == 0 ? Shape{1, 3, 2, 2} : Shape{2, 1, 2, 2};
    check_gradients([axis](const auto& v) { return concat(v, axis); },
                    {random_tensor({2, 3, 2, 2}, 2), random_tensor(other, 3)}, 0.5, 1e-5);
  }
}

TEST_CASE("shape_ops: gradients of selected channels and of upsampling") {
  const std::vector<Tensor> image{random_tensor({2, 3, 2, 3}, 1)};
  for (const std::vector<std::int64_t>& channels :
       {std::vector<std::int64_t>{1, 2}, {2, 0, 1}, {0, 2, 0}}) {
    check_gradients([&](const auto& v) { return select_channels(v[0], channels); }, image, 0.5,
                    1e-5);
  }
  check_gradients([](const auto& v) { return upsample(v[0], {2, 3}); }, image, 0.5, 1e-5);
}

TEST_CASE("shape_ops: gradients of selected, interpolated and rearranged pixels") {
  const std::vector<Tensor> image{random_tensor({2, 3, 2, 4}, 1)};
  check_gradients(
      [](const auto& v) {
        return select_pixels(v[0], {1, 0, 1}, {3, 1, 1});
      },
      image, 0.5, 1e-5);
  const std::vector<Between> rows{{0, 1, 0.25f}, {1, 1, 0.0f}, {0, 1, 0.75f}},
      columns{{2, 3, 0.5f}, {0, 1, 0.125f}};
  check_gradients([&](const auto& v) { return interpolate(v[0], rows, columns); }, image, 0.5,
                  1e-5);
  const Rearrangement blocks{.dims = {2, 2, 2, 3}, .axes = {0, 2, 3, 1}, .size = {6, 4, 1}};
  check_gradients([&](const auto& v) { return rearrange(v[0], blocks); }, image, 0.5, 1e-5);
}

TEST_CASE("shape_ops: gradients of slices of one value go into one buffer") {
  check_gradients(
      [](const auto& v) {
        return add(slice(v[0], 0, 2), multiply_scalar(slice(v[0], 1, 3), 3.0f));
      },
      {random_tensor({3, 4}, 4)}, 0.5, 1e-5);
}

TEST_CASE("flatten: [N, C, H, W] becomes [N, H*W*C]; a tensor without a batch is rejected") {
  CHECK(flatten(Variable(Tensor::zeros({2, 3, 4, 5}))).shape() == Shape{2, 60});
  CHECK(flatten(Variable(Tensor::zeros({2}))).shape() == Shape{2, 1});
  CHECK_THROWS_AS(flatten(Variable(Tensor::scalar(1.0f))), std::invalid_argument);
}

}  // namespace quench
