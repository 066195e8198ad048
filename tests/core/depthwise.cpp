#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "core/deferred.h"
#include "core/exact_tensor.h"
#include "core/ops/depthwise_backward.h"

using namespace quench;
using quench::testing::defer;
using quench::testing::exact_tensor;

namespace {

struct Gradients {
  std::vector<float> input, weight;
};

/// dL/dw[c, ky, kx] = sum over images and pixels of grad[n, c, y, x] times the pixel under the tap, and dL/dx of a pixel =
/// sum over the taps on it of grad times w.
Gradients reference(const Tensor& input, const Tensor& grad, const Tensor& filters,
                    const Conv2dParams& params) {
  const std::vector<float> x = input.to_row_major<float>(), g = grad.to_row_major<float>(),
                           w = filters.to_row_major<float>();
  const Shape& in = input.shape();
  const Shape& out = grad.shape();
  const Shape& weight = filters.shape();
  std::vector<double> of_input(x.size());
  Gradients result;
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
              const auto tap = static_cast<std::size_t>((c * weight[2] + ky) * weight[3] + kx);
              of_input[at] += double{g[from]} * double{w[tap]};
            }
        result.weight.push_back(static_cast<float>(sum));
      }
  for (const double sum : of_input) result.input.push_back(static_cast<float>(sum));
  return result;
}

void check(const Shape& input_shape, const Shape& weight, Conv2dParams params) {
  CAPTURE(input_shape.to_string());
  CAPTURE(weight.to_string());
  params.groups = static_cast<int>(input_shape[1]);
  const Tensor input = exact_tensor(input_shape, "input"),
               grad = exact_tensor(conv2d_output_shape(input_shape, weight, params), "grad");
  const Tensor filters = exact_tensor(weight, "weight");
  CHECK(depthwise_backward_takes(weight, params) == (params.groups > 1));
  const Gradients expected = reference(input, grad, filters, params);
  for (const bool deferred : {false, true}) {
    const auto operand = [&](const Tensor& tensor) { return deferred ? defer(tensor) : tensor; };
    const OperandGradients actual =
        depthwise_backward(operand(input), operand(grad), filters, params);
    CHECK(actual.weight.to_row_major<float>() == expected.weight);
    CHECK(actual.input.to_row_major<float>() == expected.input);
  }
}

}  // namespace

TEST_CASE("depthwise: both gradients, bit for bit where sums are exact") {
  const Padding same{.top = 1, .left = 1, .bottom = 1, .right = 1};
  for (const std::int64_t channels : {1, 7, 8, 15, 32, 43, 64})
    check({2, channels, 5, 6}, {channels, 1, 3, 3}, {.padding = same});
  check({40, 16, 2, 2}, {16, 1, 3, 3}, {.padding = same});
  check({3, 9, 8, 7}, {9, 1, 3, 3}, {.stride = {2, 2}, .padding = {.bottom = 1, .right = 1}});
  check({2, 8, 9, 4}, {8, 1, 5, 5}, {.stride = {2, 1}, .padding = {2, 2, 2, 2}});
  check({2, 8, 1, 1}, {8, 1, 5, 5}, {.padding = {2, 2, 2, 2}});
  check({2, 5, 9, 7}, {5, 1, 3, 3}, {.stride = {2, 2}, .padding = same});
  check({2, 20, 7, 9}, {20, 1, 5, 5}, {.stride = {3, 2}, .padding = {.top = 4, .left = 3}});
  check({1, 24, 12, 100}, {24, 1, 3, 3}, {.padding = same});
}
