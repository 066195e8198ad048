#include "core/ops/conv2d.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"

using namespace quench;

namespace {

Tensor random_tensor(const Shape& shape, std::string_view stream) {
  Random random(7, stream);
  Tensor tensor(shape);
  for (float& value : tensor.span()) value = random.uniform(-1.0f, 1.0f);
  return tensor;
}

/// Calls visit(output, input, weight) with row-major indices for every product of
/// out[n, o, y, x] = sum in[n, c, y * stride + ky * dilation - pad, ...] * weight[o, c, ky, kx].
template <typename Visit>
void for_each_product(const Shape& input, const Shape& weight, const Conv2dParams& params,
                      Visit visit) {
  const Shape output = conv2d_output_shape(input, weight, params);
  const std::int64_t out_per_group = output[1] / params.groups;
  for (std::int64_t n = 0; n < output[0]; ++n)
    for (std::int64_t o = 0; o < output[1]; ++o)
      for (std::int64_t y = 0; y < output[2]; ++y)
        for (std::int64_t x = 0; x < output[3]; ++x)
          for (std::int64_t i = 0; i < weight[1]; ++i)
            for (std::int64_t ky = 0; ky < weight[2]; ++ky)
              for (std::int64_t kx = 0; kx < weight[3]; ++kx) {
                const std::int64_t c = o / out_per_group * weight[1] + i;
                const std::int64_t iy =
                    y * params.stride[0] + ky * params.dilation[0] - params.padding.top;
                const std::int64_t ix =
                    x * params.stride[1] + kx * params.dilation[1] - params.padding.left;
                if (iy < 0 || iy >= input[2] || ix < 0 || ix >= input[3]) continue;
                visit(
                    static_cast<std::size_t>(((n * output[1] + o) * output[2] + y) * output[3] + x),
                    static_cast<std::size_t>(((n * input[1] + c) * input[2] + iy) * input[3] + ix),
                    static_cast<std::size_t>(((o * weight[1] + i) * weight[2] + ky) * weight[3] +
                                             kx));
              }
}

/// A sum of products in double precision, with the sum of their magnitudes: rounding scales with
/// the latter.
struct Reference {
  std::vector<double> value, magnitude;
  explicit Reference(const Shape& shape)
      : value(static_cast<std::size_t>(shape.numel())), magnitude(value.size()) {}
  void add(std::size_t at, double product) {
    value[at] += product;
    magnitude[at] += std::abs(product);
  }
};

void check_close(const Tensor& actual, const Reference& expected) {
  const std::vector<float> values = actual.to_row_major<float>();
  REQUIRE(values.size() == expected.value.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // 8 ulp of the magnitude covers any order of these sums of up to some thousand terms.
    const double bound =
        8.0 * std::numeric_limits<float>::epsilon() * expected.magnitude[i] + 1e-30;
    worst = std::max(worst, std::abs(values[i] - expected.value[i]) / bound);
  }
  CHECK(worst <= 1.0);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.to_row_major<float>() == b.to_row_major<float>();
}

void check_all_passes(PreparedConv2d& conv, const Shape& input_shape, const Shape& weight_shape) {
  CAPTURE(input_shape.to_string());
  CAPTURE(weight_shape.to_string());
  const Shape output_shape = conv2d_output_shape(input_shape, weight_shape, conv.params());
  const Tensor input = random_tensor(input_shape, "input");
  const Tensor weight = random_tensor(weight_shape, "weight");
  const Tensor bias = random_tensor({weight_shape[0]}, "bias");
  const Tensor grad_output = random_tensor(output_shape, "grad_output");
  const std::vector<float> x = input.to_row_major<float>(), w = weight.to_row_major<float>(),
                           b = bias.to_row_major<float>(), g = grad_output.to_row_major<float>();

  Reference output(output_shape), grad_input(input_shape), grad_weight(weight_shape);
  for_each_product(input_shape, weight_shape, conv.params(),
                   [&](std::size_t o, std::size_t i, std::size_t k) {
                     output.add(o, double{x[i]} * w[k]);
                     grad_input.add(i, double{g[o]} * w[k]);
                     grad_weight.add(k, double{g[o]} * x[i]);
                   });
  check_close(conv.forward(input, weight), output);
  check_close(conv.backward_data(grad_output, weight, input_shape), grad_input);
  check_close(conv.backward_weights(input, grad_output, weight_shape), grad_weight);

  const auto plane = static_cast<std::size_t>(output_shape[2] * output_shape[3]);
  for (std::size_t i = 0; i < output.value.size(); ++i)
    output.add(i, double{b[i / plane % b.size()]});
  check_close(conv.forward(input, weight, bias), output);

  const Tensor addend = random_tensor(output_shape, "addend");
  const std::vector<float> added = addend.to_row_major<float>();
  for (std::size_t i = 0; i < output.value.size(); ++i) output.add(i, double{added[i]});
  check_close(conv.infer(input, weight, bias, Activation::none, addend.clone()), output);
  for (const Activation activation : {Activation::relu, Activation::relu6, Activation::hardtanh}) {
    CAPTURE(to_string(activation));
    const double low = activation == Activation::hardtanh ? -1.0 : 0.0;
    const double high = activation == Activation::relu    ? std::numeric_limits<double>::infinity()
                        : activation == Activation::relu6 ? 6.0
                                                          : 1.0;
    Reference clamped = output;
    for (double& value : clamped.value) value = std::clamp(value, low, high);
    check_close(conv.infer(input, weight, bias, activation, addend.clone()), clamped);
  }
}

void check_all_passes(const Conv2dParams& params, const Shape& input, const Shape& weight) {
  PreparedConv2d conv(params);
  check_all_passes(conv, input, weight);
}

constexpr Padding kSame3x3{.top = 1, .left = 1, .bottom = 1, .right = 1};

}  // namespace

TEST_CASE(
    "conv2d: all passes agree with double precision for channel counts on and off the vector "
    "width") {
  for (const std::int64_t in : {1, 3, 12, 17, 32}) {
    for (const std::int64_t out : {1, 17, 32}) {
      check_all_passes({.padding = kSame3x3}, {2, in, 7, 6}, {out, in, 3, 3});
    }
  }
}

TEST_CASE("conv2d: all passes agree with double precision at real layer sizes") {
  check_all_passes({.padding = kSame3x3}, {2, 64, 9, 9}, {76, 64, 3, 3});
  check_all_passes({.padding = kSame3x3}, {3, 3, 32, 32}, {32, 3, 3, 3});
  check_all_passes({}, {3, 64, 14, 14}, {128, 64, 1, 1});
  check_all_passes({.padding = kSame3x3}, {1, 256, 2, 3}, {512, 256, 3, 3});
}

TEST_CASE("conv2d: strides, also unequal ones, that skip the last pixels") {
  for (const std::array<int, 2> stride : {std::array{2, 2}, {2, 1}, {1, 3}}) {
    CAPTURE(stride[0]);
    check_all_passes({.stride = stride, .padding = kSame3x3}, {3, 12, 10, 9}, {20, 12, 3, 3});
    check_all_passes({.stride = stride}, {2, 16, 10, 10}, {16, 16, 1, 1});
    check_all_passes({.stride = stride}, {2, 3, 11, 10}, {16, 3, 4, 2});
  }
}

TEST_CASE("conv2d: strided 1x1 kernels, where oneDNN's for AVX2 fails below 8 input channels") {
  for (const std::int64_t in : {1, 2, 3, 4, 7, 8, 9}) {
    for (const std::int64_t out : {1, 3, 16})
      check_all_passes({.stride = {2, 2}}, {2, in, 32, 32}, {out, in, 1, 1});
  }
  check_all_passes({.stride = {2, 1}}, {2, 4, 16, 17}, {8, 4, 1, 1});
  check_all_passes({.stride = {2, 2}, .groups = 2}, {2, 8, 16, 17}, {8, 4, 1, 1});
}

TEST_CASE("conv2d: padding may differ on all four sides and exceed the kernel") {
  check_all_passes({.padding = {.top = 0, .left = 1, .bottom = 2, .right = 3}}, {2, 5, 6, 8},
                   {7, 5, 3, 3});
  check_all_passes({.stride = {2, 2}, .padding = {.bottom = 1, .right = 1}}, {2, 16, 8, 8},
                   {16, 16, 3, 3});
  check_all_passes({.padding = {.top = 2, .left = 2, .bottom = 2, .right = 2}}, {1, 4, 5, 5},
                   {4, 4, 1, 1});
}

TEST_CASE("conv2d: dilation is the distance of the taps") {
  check_all_passes({.padding = {2, 2, 2, 2}, .dilation = {2, 2}}, {2, 16, 9, 9}, {16, 16, 3, 3});
  check_all_passes({.dilation = {1, 3}}, {2, 3, 9, 9}, {5, 3, 2, 3});
  // Taps 2 apart see 5 pixels: [1, 10, 100] at distance 2 on 1..5 is 1 + 30 + 500.
  PreparedConv2d conv({.dilation = {1, 2}});
  const Tensor output = conv.forward(Tensor::from_row_major<float>({1, 1, 1, 5}, {1, 2, 3, 4, 5}),
                                     Tensor::from_row_major<float>({1, 1, 1, 3}, {1, 10, 100}));
  CHECK(output.item() == 531.0f);
}

TEST_CASE("conv2d: groups see their own channels only, down to depthwise and with a multiplier") {
  check_all_passes({.padding = kSame3x3, .groups = 2}, {2, 8, 6, 6}, {12, 4, 3, 3});
  check_all_passes({.groups = 2}, {2, 32, 6, 6}, {32, 16, 1, 1});
  for (const std::int64_t channels : {3, 16, 20, 32}) {
    const int groups = static_cast<int>(channels);
    check_all_passes({.padding = kSame3x3, .groups = groups}, {2, channels, 7, 7},
                     {channels, 1, 3, 3});
    check_all_passes({.stride = {2, 2}, .padding = kSame3x3, .groups = groups}, {2, channels, 8, 8},
                     {channels, 1, 3, 3});
  }
  check_all_passes({.padding = kSame3x3, .groups = 4}, {2, 4, 6, 6}, {8, 1, 3, 3});
}

TEST_CASE("conv2d: kernel sizes 1, 5 and unequal sides, on rectangular images") {
  check_all_passes({}, {1, 17, 5, 9}, {12, 17, 1, 1});
  check_all_passes({.padding = {2, 2, 2, 2}}, {3, 6, 9, 5}, {10, 6, 5, 5});
  check_all_passes({.padding = {.left = 1, .right = 1}}, {2, 16, 4, 11}, {16, 16, 1, 3});
  check_all_passes({}, {2, 16, 4, 4}, {10, 16, 4, 4});
}

TEST_CASE("conv2d: one object serves alternating batches and weight shapes") {
  PreparedConv2d conv({.padding = kSame3x3});
  for (const std::int64_t batch : {4, 1, 4, 3, 1})
    check_all_passes(conv, {batch, 16, 6, 6}, {16, 16, 3, 3});
  check_all_passes(conv, {2, 3, 6, 6}, {16, 3, 3, 3});
}

TEST_CASE("conv2d: forward follows the weight when it is replaced, changed in place or freed") {
  PreparedConv2d conv({.padding = kSame3x3});
  const Shape shape{16, 16, 3, 3};
  const Tensor input = random_tensor({2, 16, 6, 6}, "input");
  const auto fresh = [&](const Tensor& weight) {
    return PreparedConv2d(conv.params()).forward(input, weight);
  };
  Tensor weight = random_tensor(shape, "first");
  const Tensor first = conv.forward(input, weight);
  CHECK(same_bits(conv.forward(input, weight), first));

  weight.copy_from(random_tensor(shape, "second"));
  CHECK(same_bits(conv.forward(input, weight), fresh(weight)));
  CHECK_FALSE(same_bits(conv.forward(input, weight), first));

  for (const auto* stream : {"a", "b", "c"}) {  // each is likely to reuse the previous one's memory
    const Tensor temporary = random_tensor(shape, stream);
    CHECK(same_bits(conv.forward(input, temporary), fresh(temporary)));
  }
  const Tensor both = random_tensor({32, 16, 3, 3}, "both");
  CHECK(same_bits(conv.forward(input, both.slice(0, 16)), fresh(both.slice(0, 16))));
  CHECK(same_bits(conv.forward(input, both.slice(16, 32)), fresh(both.slice(16, 32))));
}

TEST_CASE("conv2d: the same operands give the same bits, from the same object and from another") {
  const Shape input_shape{8, 64, 9, 9}, weight_shape{64, 64, 3, 3};
  const Tensor input = random_tensor(input_shape, "input"),
               weight = random_tensor(weight_shape, "weight");
  const Tensor grad_output = random_tensor({8, 64, 9, 9}, "grad_output");
  PreparedConv2d conv({.padding = kSame3x3});
  const Tensor output = conv.forward(input, weight);
  const Tensor grad_input = conv.backward_data(grad_output, weight, input_shape);
  const Tensor grad_weight = conv.backward_weights(input, grad_output, weight_shape);
  for (int repeat = 0; repeat < 3; ++repeat) {
    PreparedConv2d other({.padding = kSame3x3});
    for (PreparedConv2d* each : {&conv, &other}) {
      CHECK(same_bits(each->forward(input, weight), output));
      CHECK(same_bits(each->backward_data(grad_output, weight, input_shape), grad_input));
      CHECK(same_bits(each->backward_weights(input, grad_output, weight_shape), grad_weight));
    }
  }
}

TEST_CASE("conv2d in fixed order: right, and the same bits for any number of threads") {
  struct Layer {
    Shape input, weight;
    Conv2dParams params;
  };
  const FixedOrderScope scope;
  const int before = num_threads();
  // Full, strided 1x1, depthwise with and without kernels of our own, grouped, of few images.
  for (const auto& [input_shape, weight_shape, params] :
       {Layer{{19, 16, 9, 9}, {16, 16, 3, 3}, {.padding = kSame3x3}},
        {{9, 16, 8, 8}, {32, 16, 1, 1}, {.stride = {2, 2}}},
        {{12, 40, 8, 8}, {40, 1, 3, 3}, {.padding = kSame3x3, .groups = 40}},
        {{10, 8, 2, 2}, {8, 1, 3, 3}, {.padding = kSame3x3, .groups = 8}},
        {{16, 8, 6, 6}, {12, 4, 3, 3}, {.groups = 2}},
        {{3, 3, 32, 32}, {16, 3, 3, 3}, {.padding = kSame3x3}},
        {{2, 256, 4, 4}, {512, 256, 3, 3}, {.padding = kSame3x3}}}) {
    CAPTURE(weight_shape.to_string());
    check_all_passes(params, input_shape, weight_shape);
    const Tensor input = random_tensor(input_shape, "input");
    const Tensor grad_output =
        random_tensor(conv2d_output_shape(input_shape, weight_shape, params), "grad_output");
    const Tensor weight = random_tensor(weight_shape, "weight");
    std::vector<Tensor> first;
    for (const int threads : {1, 2, 3, 7}) {
      CAPTURE(threads);
      set_num_threads(threads);
      PreparedConv2d conv(params);
      const std::vector<Tensor> results{conv.forward(input, weight),
                                        conv.backward_data(grad_output, weight, input_shape),
                                        conv.backward_weights(input, grad_output, weight_shape)};
      if (first.empty()) first = results;
      for (std::size_t i = 0; i < results.size(); ++i) CHECK(same_bits(results[i], first[i]));
    }
    set_num_threads(before);
  }
}

TEST_CASE("conv2d: messages name the shapes that do not fit") {
  CHECK_THROWS_WITH_AS(
      conv2d_output_shape({8, 30, 32, 32}, {8, 7, 3, 3}, {.groups = 4}),
      "conv2d: expected in_channels divisible by groups, got 30 and 4 (input [8, 30, 32, 32])",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      conv2d_output_shape({1, 4, 8, 8}, {6, 1, 3, 3}, {.groups = 4}),
      "conv2d: expected out_channels divisible by groups, got 6 and 4 (weight [6, 1, 3, 3])",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      conv2d_output_shape({1, 4, 8, 8}, {6, 3, 3, 3}, {}),
      "conv2d: expected a weight with 4 input channels per group, got 3 (input [1, 4, 8, 8], "
      "weight [6, 3, 3, 3], groups 1)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv2d_output_shape({0, 4, 8, 8}, {6, 4, 3, 3}, {}),
                       "conv2d: expected an input without empty axes, got [0, 4, 8, 8]",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv2d_output_shape({4, 8}, {6, 4, 3, 3}, {}),
                       "conv2d: expected input [N, C, H, W], got [4, 8]", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      conv2d_output_shape({1, 4, 2, 8}, {6, 4, 3, 3}, {}),
      "conv2d: expected a kernel no larger than the padded input, got weight [6, 4, 3, 3] "
      "and input [1, 4, 2, 8] (padding 0, 0, 0, 0, dilation 1, 1)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(PreparedConv2d({.stride = {0, 1}}),
                       "conv2d: expected stride >= 1, got 0 and 1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(PreparedConv2d({.padding = {.left = -1}}),
                       "conv2d: expected padding >= 0, got top 0, left -1, bottom 0, right 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(PreparedConv2d({.dilation = {1, 0}}),
                       "conv2d: expected dilation >= 1, got 1 and 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(PreparedConv2d({.groups = 0}), "conv2d: expected groups >= 1, got 0",
                       std::invalid_argument);
}

TEST_CASE("conv2d: messages name the operand that does not fit") {
  PreparedConv2d conv({.padding = kSame3x3});
  const Tensor input({1, 4, 8, 8}), weight({6, 4, 3, 3});
  CHECK_THROWS_WITH_AS(conv.forward(input, weight, Tensor({4})),
                       "conv2d: expected bias [6], got [4] (weight [6, 4, 3, 3])",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv.forward(input, {}),
                       "conv2d: expected a tensor as weight, got an undefined one",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv.forward(Tensor({1, 4, 8, 8}, DType::s8), weight),
                       "conv2d: expected an f32 input, got s8", std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv.backward_data(Tensor({1, 6, 4, 4}), weight, input.shape()),
                       "conv2d: expected grad_output [1, 6, 8, 8], got [1, 6, 4, 4]",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(conv.backward_weights(input, Tensor({2, 6, 8, 8}), weight.shape()),
                       "conv2d: expected grad_output [1, 6, 8, 8], got [2, 6, 8, 8]",
                       std::invalid_argument);
}
