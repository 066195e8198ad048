#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/conv2d.h"
#include "layers/models/blocks.h"
#include "layers/reference.h"

namespace quench::layers::models {
namespace {

/// TensorFlow's documented rule: the remainder decides.
int documented_total(std::int64_t size, int kernel, int stride) {
  const std::int64_t rest = size % stride;
  return static_cast<int>(std::max<std::int64_t>(kernel - (rest == 0 ? stride : rest), 0));
}

TEST_CASE("same_padding: as TensorFlow documents it, the smaller half first") {
  for (const int kernel : {1, 2, 3, 5, 7})
    for (const int stride : {1, 2, 3})
      for (const std::int64_t size : {1, 2, 7, 8, 9, 32, 101, 224}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(size);
        const Padding padding = same_padding(kernel, stride, size, 8);
        const int total = documented_total(size, kernel, stride);
        CHECK(padding.top == total / 2);
        CHECK(padding.top + padding.bottom == total);
        CHECK(padding.left + padding.right == documented_total(8, kernel, stride));
        CHECK(padding.left <= padding.right);
      }
  CHECK(same_padding(3, 2, 224, 112) == Padding{0, 0, 1, 1});
  CHECK(same_padding(3, 2, 7, 7) == Padding{1, 1, 1, 1});
}

TEST_CASE("same_padding: outputs match a naive convolution over the whole image") {
  // Output (y, x) of "same" padding sees the pixels from y * stride - top on; outside is zero.
  for (const std::int64_t size : {5, 6, 8}) {
    const int kernel = 3, stride = 2;
    Random random(1, "test");
    Conv2d conv({.in_channels = 1,
                 .out_channels = 1,
                 .params = {.stride = {stride, stride},
                            .padding = same_padding(kernel, stride, size, size)}},
                random);
    const Tensor input = testing::random_tensor({1, 1, size, size}, 2);
    const Tensor output = conv(Variable(input)).value();
    const std::int64_t out = same_size(size, stride);
    REQUIRE(output.shape() == Shape{1, 1, out, out});
    const std::vector<float> weight = conv.weight().value().to_row_major();
    const int top = documented_total(size, kernel, stride) / 2;
    for (std::int64_t y = 0; y < out; ++y)
      for (std::int64_t x = 0; x < out; ++x) {
        double sum = 0.0;
        for (std::int64_t ky = 0; ky < kernel; ++ky)
          for (std::int64_t kx = 0; kx < kernel; ++kx) {
            const std::int64_t iy = y * stride + ky - top, ix = x * stride + kx - top;
            if (iy < 0 || ix < 0 || iy >= size || ix >= size) continue;
            sum += static_cast<double>(input.data()[iy * size + ix]) *
                   static_cast<double>(weight[static_cast<std::size_t>(ky * kernel + kx)]);
          }
        CHECK(static_cast<double>(output.data()[y * out + x]) ==
              doctest::Approx(sum).epsilon(1e-5).scale(1.0));
      }
  }
}

}  // namespace
}  // namespace quench::layers::models
