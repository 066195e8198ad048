#include <doctest/doctest.h>

#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/patch_magnitude.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/reference.h"
#include "vectors/backward.h"

// XNOR-Net's K: a layer whose input quantizer scales its output.

namespace quench::layers {
namespace {

using quant::Granularity;
using quant::Mode;
using quant::Role;
using testing::converted;
using testing::naive_conv2d;
using testing::random_tensor;
using testing::same_bits;

const Conv2dOptions kConv{.in_channels = 4,
                          .out_channels = 6,
                          .kernel_size = {3, 2},
                          .params = {.stride = {2, 1}, .padding = {1, 0, 1, 1}},
                          .bias = true};

std::unique_ptr<quant::Quantizer> xnor(Role role, bool input_scale) {
  Settings settings = Settings::from({{"input_scale", input_scale}});
  return quant::make_quantizer(
      "xnor",
      {.role = role,
       .bits = 1,
       .granularity = role == Role::weight ? Granularity::per_channel : Granularity::per_tensor,
       .channels = 6,
       .slot = "layer",
       .settings = settings});
}

TEST_CASE("xnor: the paper's network scales its output unless switched off") {
  for (const Role role : {Role::activation, Role::weight}) {
    const auto plain = quant::make_quantizer("xnor", {.role = role, .bits = 1, .slot = "layer"});
    CHECK(plain->scales_output() == (role == Role::activation));
  }
  CHECK_FALSE(xnor(Role::activation, false)->scales_output());
}

template <typename Layer, typename Options>
std::unique_ptr<Layer> make_layer(const Options& options, bool input_scale) {
  Random random(3, "test");
  auto layer = std::make_unique<Layer>(options, random);
  if (options.bias) layer->parameters()[1].value.mutable_value().copy_from(random_tensor({6}, 4));
  layer->set_input_quantizer(xnor(Role::activation, input_scale));
  layer->set_weight_quantizer(xnor(Role::weight, input_scale));
  return layer;
}

std::vector<double> signs(const Tensor& x) {
  std::vector<double> result;
  for (const float value : x.to_row_major()) result.push_back(value < 0.0f ? -1.0 : 1.0);
  return result;
}

/// mean|w| of each of the six filters.
std::vector<double> alphas(const Tensor& weight) {
  std::vector<double> result(6, 0.0);
  const std::vector<float> values = weight.to_row_major();
  const std::size_t slice = values.size() / 6;
  for (std::size_t i = 0; i < values.size(); ++i)
    result[i / slice] += std::abs(double{values[i]}) / static_cast<double>(slice);
  return result;
}

/// K by its definition: |x| convolved with the constant 1 / (C KH KW), zero padded.
std::vector<double> naive_scale(const Tensor& x, const Shape& weight, const Conv2dParams& params) {
  std::vector<double> magnitudes;
  for (const float value : x.to_row_major()) magnitudes.push_back(std::abs(double{value}));
  const Shape filter = weight.with(0, 1);
  const auto taps = static_cast<std::size_t>(filter.numel());
  return naive_conv2d(magnitudes, x.shape(),
                      std::vector<double>(taps, 1.0 / static_cast<double>(taps)), filter, params);
}

TEST_CASE("conv2d: (sign I . sign W) K alpha + b, with stride and padding, against double") {
  const auto layer = make_layer<Conv2d>(kConv, true);
  const Tensor x = random_tensor({2, 4, 7, 5}, 1);
  const Tensor& w = layer->weight().value();
  const std::vector<double> sums =
      naive_conv2d(signs(x), x.shape(), signs(w), w.shape(), kConv.params);
  const std::vector<double> scale = naive_scale(x, w.shape(), kConv.params);
  const std::vector<double> alpha = alphas(w);

  for (const Mode mode : {Mode::training, Mode::evaluation}) {
    layer->set_quantizer_mode(mode);
    const Tensor y = (*layer)(Variable(x)).value();
    const std::vector<float> got = y.to_row_major();
    REQUIRE(got.size() == sums.size());
    const auto pixels = static_cast<std::size_t>(y.dim(2) * y.dim(3));
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::size_t channel = i / pixels % 6, image = i / pixels / 6;
      const double want = sums[i] * scale[image * pixels + i % pixels] * alpha[channel] +
                          double{layer->bias().value().data()[channel]};
      largest = std::max(largest, std::abs(want - double{got[i]}));
    }
    CHECK(largest < 1e-5);
  }
}

TEST_CASE("linear: K is the mean |I| of each sample") {
  const auto layer = make_layer<Linear>(LinearOptions{5, 6, true}, true);
  const auto plain = make_layer<Linear>(LinearOptions{5, 6, false}, false);
  const Tensor x = random_tensor({3, 5}, 2);
  for (const Mode mode : {Mode::training, Mode::evaluation}) {
    layer->set_quantizer_mode(mode);
    plain->set_quantizer_mode(mode);
    Tensor want = (*plain)(Variable(x)).value().clone();
    for (std::int64_t n = 0; n < 3; ++n) {
      double mean = 0.0;
      for (std::int64_t i = 0; i < 5; ++i) mean += std::abs(double{x.data()[n * 5 + i]}) / 5.0;
      for (std::int64_t o = 0; o < 6; ++o) want.data()[n * 6 + o] *= static_cast<float>(mean);
    }
    want = add_per_channel(want, layer->bias().value());
    const Tensor got = (*layer)(Variable(x)).value();
    for (std::int64_t i = 0; i < got.numel(); ++i)
      CHECK(got.data()[i] == doctest::Approx(want.data()[i]).epsilon(1e-5));
  }
}

TEST_CASE("K is a constant in the backward pass") {
  const auto scaled = make_layer<Conv2d>(kConv, true);
  const auto plain = make_layer<Conv2d>(kConv, false);
  const Tensor x = random_tensor({2, 4, 7, 5}, 5);
  const Variable a(x, true), b(x, true);
  const Variable y = (*scaled)(a), z = (*plain)(b);
  const Tensor upstream = random_tensor(y.shape(), 6);
  vectors::backward(y, upstream);
  vectors::backward(
      z, multiply_across_channels(upstream, patch_magnitude(x, kConv.kernel_size, kConv.params)));
  CHECK(same_bits(a.grad(), b.grad()));
  CHECK(same_bits(scaled->weight().grad(), plain->weight().grad()));
}

TEST_CASE("bypass is the float layer, without K") {
  const auto scaled = make_layer<Conv2d>(kConv, true);
  const auto plain = make_layer<Conv2d>(kConv, false);
  scaled->set_quantizer_mode(Mode::bypass);
  plain->set_quantizer_mode(Mode::bypass);
  const Variable x(random_tensor({2, 4, 7, 5}, 7));
  CHECK(same_bits((*scaled)(x).value(), (*plain)(x).value()));
}

TEST_CASE("mismatched shapes are rejected") {
  CHECK_THROWS_WITH_AS(patch_magnitude(Tensor::zeros({2, 3}), {1, 1}, {}),
                       "patch_magnitude: expected an input [N, C, H, W], got [2, 3]",
                       std::invalid_argument);
  CHECK_THROWS_AS(row_magnitude(Tensor::zeros({2, 3, 1, 1})), std::invalid_argument);
  CHECK_THROWS_AS(multiply_across_channels(Tensor::zeros({2, 3}), Tensor::zeros({2, 3})),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
