#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autograd/nn.h"
#include "autograd/shape_ops.h"
#include "layers/models/blocks.h"
#include "layers/reference.h"

namespace quench::layers::models {
namespace {

using testing::random_tensor;
using Doubles = std::vector<double>;

Tensor value_of(Module& module, const std::string& name) {
  for (const Parameter& parameter : module.parameters()) {
    if (parameter.name == name) return parameter.value.value();
  }
  throw std::logic_error("no parameter " + name);
}

bool has_shortcut(const BasicBlockOptions& options) {
  Random random(1, "test");
  const auto block = basic_block(options, random);
  for (const auto& [name, module] : block->modules()) {
    if (name == "shortcut") return true;
  }
  return false;
}

Doubles doubles(const Tensor& tensor) { return testing::converted<double>(tensor.to_row_major()); }

/// Option A: x[:, :, ::stride, ::stride] between channels of zeros, as many before as after, plus an
/// odd one after.
Doubles naive_padded(const Tensor& x, const Shape& out, std::int64_t stride) {
  const Doubles values = doubles(x);
  const std::int64_t channels = x.dim(1), before = (out[1] - channels) / 2;
  Doubles result(static_cast<std::size_t>(out.numel()), 0.0);
  for (std::int64_t n = 0; n < out[0]; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t h = 0; h < out[2]; ++h)
        for (std::int64_t w = 0; w < out[3]; ++w) {
          const std::int64_t from = ((n * channels + c) * x.dim(2) + h * stride) * x.dim(3);
          const std::int64_t to = ((n * out[1] + before + c) * out[2] + h) * out[3] + w;
          result[static_cast<std::size_t>(to)] =
              values[static_cast<std::size_t>(from + w * stride)];
        }
  return result;
}

/// The block in evaluation with the running statistics of a new batch norm, mean 0 and variance 1.
Doubles naive_block(Module& block, const Tensor& input, const BasicBlockOptions& options) {
  const auto conv = [&](const Doubles& x, const Shape& shape, const char* name, int stride,
                        int pad) {
    const Tensor weight = value_of(block, name);
    return testing::naive_conv2d(x, shape, doubles(weight), weight.shape(),
                                 {.stride = {stride, stride}, .padding = {pad, pad, pad, pad}});
  };
  const auto norm = [&](Doubles x, const std::string& name) {
    const Doubles gain = doubles(value_of(block, name + ".weight"));
    const Doubles bias = doubles(value_of(block, name + ".bias"));
    const std::size_t pixels = x.size() / (2 * gain.size());  // two images
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t channel = i / pixels % gain.size();
      x[i] = x[i] * gain[channel] / std::sqrt(1.0 + static_cast<double>(options.norm.eps)) +
             bias[channel];
    }
    return x;
  };
  const Shape& in = input.shape();
  const Shape middle{in[0], options.out_channels, (in[2] + options.stride - 1) / options.stride,
                     (in[3] + options.stride - 1) / options.stride};
  Doubles hidden = norm(conv(doubles(input), in, "conv1.weight", options.stride, 1), "bn1");
  for (double& value : hidden) value = std::max(value, 0.0);
  Doubles result = norm(conv(hidden, middle, "conv2.weight", 1, 1), "bn2");
  const Doubles shortcut = [&] {
    if (!has_shortcut(options)) return doubles(input);
    if (options.shortcut == Shortcut::pad) return naive_padded(input, middle, options.stride);
    if (options.shortcut == Shortcut::conv)
      return conv(doubles(input), in, "shortcut.weight", options.stride, 0);
    return norm(conv(doubles(input), in, "shortcut.conv.weight", options.stride, 0), "shortcut.bn");
  }();
  REQUIRE(shortcut.size() == result.size());
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = std::max(result[i] + shortcut[i], 0.0);
  return result;
}

TEST_CASE("basic_block: the residual plus the shortcut, with and without a projection") {
  for (const BasicBlockOptions& options :
       {BasicBlockOptions{.in_channels = 4, .out_channels = 4, .norm = {.eps = 1e-3f}},
        BasicBlockOptions{.in_channels = 3, .out_channels = 5, .stride = 2},
        BasicBlockOptions{.in_channels = 3, .out_channels = 6},
        BasicBlockOptions{.in_channels = 4, .out_channels = 4, .stride = 2},
        BasicBlockOptions{
            .in_channels = 3, .out_channels = 8, .stride = 2, .shortcut = Shortcut::pad},
        BasicBlockOptions{.in_channels = 3, .out_channels = 5, .shortcut = Shortcut::conv_norm}}) {
    Random random(1, "test");
    const auto made = basic_block(options, random);
    Module& block = *made;
    for (const char* name : {"bn1.weight", "bn1.bias", "bn2.weight", "bn2.bias"}) {
      Tensor value = value_of(block, name);
      for (float& element : value.span()) element = random.normal();
    }
    block.set_training(false);
    const Tensor input = random_tensor({2, options.in_channels, 7, 6}, 3);
    const Doubles expected = naive_block(block, input, options);
    const Doubles output = doubles(block(Variable(input)).value());
    REQUIRE(output.size() == expected.size());
    for (std::size_t i = 0; i < output.size(); ++i) {
      CHECK(output[i] == doctest::Approx(expected[i]).epsilon(1e-5).scale(1.0));
    }
  }
}

TEST_CASE("basic_block: a shortcut convolution only where the shapes differ") {
  CHECK_FALSE(has_shortcut({.in_channels = 4, .out_channels = 4}));
  CHECK(has_shortcut({.in_channels = 4, .out_channels = 4, .stride = 2}));
  CHECK(has_shortcut({.in_channels = 4, .out_channels = 8}));
}

TEST_CASE("basic_block: the gradient passes the identity unchanged if the sum is positive") {
  Random random(1, "test");
  const auto made = basic_block({.in_channels = 4, .out_channels = 4}, random);
  Module& block = *made;
  Tensor gain = value_of(block, "bn2.weight");
  for (float& element : gain.span()) element = 0.0f;  // leaves relu(x)
  const Tensor x = random_tensor({2, 4, 5, 5}, 4);
  const Variable input(x, true);
  const Variable output = block(input);
  const Tensor grad_output = random_tensor({2, 4, 5, 5}, 5);
  const Variable weights(grad_output.reshape({1, 200}));
  linear(reshape(output, {1, 200}), weights, {}).backward();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    CHECK(output.value().data()[i] == std::max(x.data()[i], 0.0f));
    CHECK(input.grad().data()[i] == (x.data()[i] > 0.0f ? grad_output.data()[i] : 0.0f));
  }
}

TEST_CASE("basic_block: sizes below 1 are rejected") {
  Random random(1, "test");
  CHECK_THROWS_AS(basic_block({.in_channels = 4}, random), std::invalid_argument);
  CHECK_THROWS_AS(basic_block({.out_channels = 4}, random), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers::models
