#include "autograd/product.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "autograd/arithmetic.h"
#include "autograd/gradient_check.h"
#include "autograd/nn.h"
#include "core/ops/bfloat16.h"

namespace quench {
namespace {

using testing::random_tensor;

struct Gradients {
  Tensor output, input, weight, bias;
};

/// Runs y = product(x, w, b) backward from `upstream`.
template <typename Product>
Gradients run(const Tensor& x, const Tensor& w, const Tensor& upstream, Product product) {
  const Variable input(x, true), weight(w, true), bias(random_tensor({w.dim(0)}, 3), true);
  const Variable y = product(input, weight, bias);
  const float total = static_cast<float>(testing::weighted_sum(y.value(), upstream));
  record<testing::WeightedSumNode>({y}, Tensor::scalar(total), upstream).backward();
  return {y.value(), input.grad(), weight.grad(), bias.grad()};
}

/// |a - b| / |b|, Euclidean norms in double.
double relative_error(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double error = 0.0, norm = 0.0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double difference = static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]);
    error += difference * difference;
    norm += static_cast<double>(b.data()[i]) * static_cast<double>(b.data()[i]);
  }
  return std::sqrt(error / norm);
}

struct ConvCase {
  Conv2dParams params;
  Shape input, weight;
};

// 3x3, strided, dilated in groups, 1x1 on a small image, and channels that fill no vector.
const std::array<ConvCase, 5> kCases{{
    {{.padding = {1, 1, 1, 1}}, {2, 32, 8, 8}, {48, 32, 3, 3}},
    {{.stride = {2, 2}, .padding = {1, 1, 1, 1}}, {3, 16, 9, 7}, {32, 16, 3, 3}},
    {{.dilation = {2, 2}, .groups = 2}, {1, 4, 6, 6}, {6, 2, 2, 2}},
    {{}, {4, 64, 2, 2}, {64, 64, 1, 1}},
    {{.padding = {0, 1, 2, 0}}, {2, 3, 5, 4}, {5, 3, 3, 2}},
}};

// The rounding of an operand is at most 2^-8 and, spread evenly over its range, 2^-9.8 in the mean square; two
// rounded operands and the sum's own rounding stay below 2^-8.
constexpr double kRoundings = 1.0 / 256.0;

TEST_CASE(
    "bfloat16 conv2d: output and gradients are those of float32 to within the operands' rounding") {
  for (const ConvCase& c : kCases) {
    CAPTURE(c.weight.to_string());
    const auto prepared = std::make_shared<PreparedConv2d>(c.params);
    const Tensor x = random_tensor(c.input, 1), w = random_tensor(c.weight, 2);
    const Tensor upstream = random_tensor(conv2d_output_shape(c.input, c.weight, c.params), 4);
    const Gradients exact = run(
        x, w, upstream, [&](const Variable& input, const Variable& weight, const Variable& bias) {
          return conv2d(input, weight, bias, prepared);
        });
    const Gradients low = run(
        x, w, upstream, [&](const Variable& input, const Variable& weight, const Variable& bias) {
          return conv2d(input, weight, bias, prepared,
                        {.input = to_bfloat16(x), .weight = to_bfloat16(w)});
        });
    CHECK(relative_error(low.output, exact.output) < kRoundings);
    CHECK(relative_error(low.input, exact.input) < kRoundings);
    CHECK(relative_error(low.weight, exact.weight) < kRoundings);
    CHECK(low.bias.to_row_major() == exact.bias.to_row_major());
  }
}

TEST_CASE("bfloat16 conv2d of codes: scales multiply exact sums, and gradients follow") {
  for (const ConvCase& c : kCases) {
    CAPTURE(c.weight.to_string());
    const auto prepared = std::make_shared<PreparedConv2d>(c.params);
    Random random(5, "codes");
    const auto codes = [&](const Shape& shape, int low, int high) {
      Tensor result(shape);
      for (float& value : result.span())
        value = static_cast<float>(
            low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1))));
      return result;
    };
    const Tensor q_x = codes(c.input, 0, 255), q_w = codes(c.weight, -15, 15);
    const float scale_x = 0.25f;
    std::vector<float> scale_w;
    for (std::int64_t o = 0; o < c.weight[0]; ++o)
      scale_w.push_back(std::ldexp(1.0f, -static_cast<int>(o % 5)));
    // Powers of two, so that float32's products of the values are exact as well.
    Tensor x(c.input), w(c.weight);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.data()[i] = scale_x * q_x.data()[i];
    const std::int64_t slice = w.numel() / w.dim(0);
    for (std::int64_t i = 0; i < w.numel(); ++i)
      w.data()[i] = scale_w[static_cast<std::size_t>(i / slice)] * q_w.data()[i];
    const Tensor upstream = random_tensor(conv2d_output_shape(c.input, c.weight, c.params), 4);
    const Gradients exact = run(
        x, w, upstream, [&](const Variable& input, const Variable& weight, const Variable& bias) {
          // The kernel may start its sums at the bias, which rounds them.
          return add_per_channel(conv2d(input, weight, {}, prepared), bias);
        });
    const ByteGrid grid{.scale = scale_x};
    const std::vector<std::int16_t> integers = integer_weights(w, scale_w).value();
    const ProductOperands in_bfloat16{.input = to_bytes(x, grid).value(),
                                      .grid = grid,
                                      .weight = integers_to_bfloat16(integers, w.shape()),
                                      .weight_scale = scale_w};
    const auto gradients = [&](const ProductOperands& operands) {
      return run(x, w, upstream,
                 [&](const Variable& input, const Variable& weight, const Variable& bias) {
                   return conv2d(input, weight, bias, prepared, operands);
                 });
    };
    ProductOperands halves = in_bfloat16, kernel = in_bfloat16;
    halves.wide_sums = true;
    kernel.kernel = std::make_shared<kernels::BatchConv>(
        kernels::ConvProblem{
            .channels = c.input[1],
            .height = c.input[2],
            .width = c.input[3],
            .out_channels = c.weight[0],
            .kernel = {static_cast<int>(c.weight[2]), static_cast<int>(c.weight[3])},
            .params = c.params,
            .weight = integers},
        c.input[0]);
    for (const ProductOperands& operands : {in_bfloat16, halves, kernel}) {
      const Gradients low = gradients(operands);
      CHECK(low.output.to_row_major() == exact.output.to_row_major());
      CHECK(relative_error(low.input, exact.input) < kRoundings);
      CHECK(relative_error(low.weight, exact.weight) < kRoundings);
    }
    // Backward in float32: the bytes give back the values.
    kernel.weight = w;
    const Gradients full = gradients(kernel);
    CHECK(full.output.to_row_major() == exact.output.to_row_major());
    CHECK(full.input.to_row_major() == exact.input.to_row_major());
    CHECK(full.weight.to_row_major() == exact.weight.to_row_major());
  }
}

TEST_CASE(
    "bfloat16 linear: output and gradients are those of float32 to within the operands' rounding") {
  const Tensor x = random_tensor({9, 70}, 1), w = random_tensor({33, 70}, 2);
  const Tensor upstream = random_tensor({9, 33}, 4);
  const Gradients exact = run(x, w, upstream, [](const auto&... args) { return linear(args...); });
  const Gradients low =
      run(x, w, upstream, [&](const Variable& input, const Variable& weight, const Variable& bias) {
        return linear(input, weight, bias, {.input = to_bfloat16(x), .weight = to_bfloat16(w)});
      });
  CHECK(relative_error(low.output, exact.output) < kRoundings);
  CHECK(relative_error(low.input, exact.input) < kRoundings);
  CHECK(relative_error(low.weight, exact.weight) < kRoundings);
}

}  // namespace
}  // namespace quench
