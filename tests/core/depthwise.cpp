#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/exact_tensor.h"
#include "core/ops/own_convolution.h"

using namespace quench;
using quench::testing::exact_tensor;

namespace {

/// dL/dw[c, ky, kx] = sum over images and pixels of grad[n, c, y, x] times the pixel under the tap.
std::vector<float> reference(const Tensor& input, const Tensor& grad, const Shape& weight,
                             const Conv2dParams& params) {
  const std::vector<float> x = input.to_row_major<float>(), g = grad.to_row_major<float>();
  const Shape& in = input.shape();
  const Shape& out = grad.shape();
  std::vector<float> result;
  for (std::int64_t c = 0; c < in[1]; ++c)
    for (std::int64_t ky = 0; ky < weight[2]; ++ky)
      for (std::int64_t kx = 0; kx < weight[3]; ++kx) {
        double sum = 0.0;
        for (std::int64_t n = 0; n < in[0]; ++n)
          for (std::int64_t oy = 0; oy < out[2]; ++oy)
            for (std::int64_t ox = 0; ox < out[3]; ++ox) {
              const std::int64_t iy = oy * params.stride[0] + ky - params.padding.top;
              const std::int64_t ix = ox * params.stride[1] + kx - params.padding.left;
              if (iy < 0 || iy >= in[2] || ix < 0 || ix >= in[3]) continue;
              const auto at = static_cast<std::size_t>(((n * in[1] + c) * in[2] + iy) * in[3] + ix);
              const auto from =
                  static_cast<std::size_t>(((n * out[1] + c) * out[2] + oy) * out[3] + ox);
              sum += double{x[at]} * double{g[from]};
            }
        result.push_back(static_cast<float>(sum));
      }
  return result;
}

void check(const Shape& input_shape, const Shape& weight, Conv2dParams params) {
  CAPTURE(input_shape.to_string());
  CAPTURE(weight.to_string());
  params.groups = static_cast<int>(input_shape[1]);
  const Tensor input = exact_tensor(input_shape, "input"),
               grad = exact_tensor(conv2d_output_shape(input_shape, weight, params), "grad");
  const Tensor result = depthwise_backward_weights(input, grad, weight, params);
  CHECK(result.to_row_major<float>() == reference(input, grad, weight, params));
}

}  // namespace

TEST_CASE("depthwise: the weight's gradient, bit for bit where sums are exact") {
  const Padding same{.top = 1, .left = 1, .bottom = 1, .right = 1};
  for (const std::int64_t channels : {1, 7, 8, 15, 32, 43, 64})
    check({2, channels, 5, 6}, {channels, 1, 3, 3}, {.padding = same});
  check({40, 16, 2, 2}, {16, 1, 3, 3}, {.padding = same});
  check({3, 9, 8, 7}, {9, 1, 3, 3}, {.stride = {2, 2}, .padding = {.bottom = 1, .right = 1}});
  check({2, 8, 9, 4}, {8, 1, 5, 5}, {.stride = {2, 1}, .padding = {2, 2, 2, 2}});
  check({2, 8, 1, 1}, {8, 1, 5, 5}, {.padding = {2, 2, 2, 2}});
  check({2, 8, 4, 9}, {8, 1, 1, 3}, {.stride = {1, 3}, .padding = {.left = 2, .right = 2}});
}
