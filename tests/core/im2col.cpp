#include <doctest/doctest.h>

#include "core/exact_tensor.h"
#include "core/ops/im2col_backward.h"

using namespace quench;
using quench::testing::exact_tensor;

namespace {

void check_same_as_convolution(const Conv2dParams& params, const Shape& input_shape,
                               const Shape& weight_shape) {
  CAPTURE(input_shape.to_string());
  const Shape output = conv2d_output_shape(input_shape, weight_shape, params);
  const Tensor input = exact_tensor(input_shape, "input"),
               grad_output = exact_tensor(output, "grad");
  const Tensor expected = PreparedConv2d(params).backward_weights(input, grad_output, weight_shape);
  const Tensor actual = im2col_backward_weights(input, grad_output, weight_shape, params);
  CHECK(actual.to_row_major<float>() == expected.to_row_major<float>());
}

}  // namespace

TEST_CASE(
    "im2col: the weight's gradient equals the convolution's, bit for bit where sums are exact") {
  const Padding same{.top = 1, .left = 1, .bottom = 1, .right = 1};
  check_same_as_convolution({.padding = same}, {2, 5, 6, 7}, {9, 5, 3, 3});
  check_same_as_convolution({.stride = {2, 1}, .padding = {.left = 2, .bottom = 1}}, {3, 4, 9, 6},
                            {6, 4, 3, 2});
  check_same_as_convolution({.padding = {2, 2, 2, 2}, .dilation = {2, 1}}, {2, 8, 7, 7},
                            {4, 8, 3, 3});
}

TEST_CASE("im2col: batches that take several matrix products, with a partial last one") {
  const Padding same{.top = 1, .left = 1, .bottom = 1, .right = 1};
  check_same_as_convolution({.padding = same}, {21, 4, 12, 10}, {6, 4, 3, 3});
  check_same_as_convolution({.padding = same}, {2, 2, 40, 40}, {3, 2, 3, 3});
}
