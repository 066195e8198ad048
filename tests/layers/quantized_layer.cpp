#include "layers/quantized_layer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/loss.h"
#include "core/ops/elementwise.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/reference.h"
#include "layers/trainable_scale.h"

namespace quench::layers {
namespace {

using quant::Granularity;
using quant::Mode;
using quant::Role;
using testing::converted;
using testing::make_quantizer;
using testing::naive_conv2d;
using testing::naive_linear;
using testing::random_tensor;
using testing::same_bits;

const Conv2dOptions kConv{.in_channels = 4,
                          .out_channels = 6,
                          .kernel_size = {3, 3},
                          .params = {.stride = {2, 1}, .padding = {1, 1, 1, 1}, .groups = 2},
                          .bias = true};

void set_mode(QuantizedLayer& layer, Mode mode) { layer.set_quantizer_mode(mode); }

/// A convolution with a bias that is not zero.
std::unique_ptr<Conv2d> make_conv() {
  Random random(3, "test");
  auto layer = std::make_unique<Conv2d>(kConv, random);
  layer->parameters()[1].value.mutable_value().copy_from(random_tensor({6}, 4));
  return layer;
}

/// The integers of `x` by their definition, computed in double and apart from quant/.
std::vector<std::int64_t> codes(const Tensor& x, const quant::QuantGrid& grid) {
  const std::vector<float> values = x.to_row_major();
  const std::size_t slice = values.size() / grid.scale.size();
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (grid.binary()) {
      result.push_back(values[i] < 0.0f ? -1 : 1);
      continue;
    }
    const float quotient = values[i] / grid.scale[i / slice];
    result.push_back(std::clamp<std::int64_t>(std::llrint(quotient), grid.qmin, grid.qmax));
  }
  return result;
}

/// (scale_a * scale_w) * sum + bias, each operation in float32.
std::vector<float> scaled(const std::vector<std::int64_t>& sums, QuantizedLayer& layer,
                          std::size_t channels, std::size_t pixels) {
  const quant::QuantGrid input = layer.input_quantizer().grid();
  const quant::QuantGrid weight = layer.weight_quantizer().grid();
  std::vector<float> result;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t channel = i / pixels % channels;
    const float scale = input.scale[0] * weight.scale[weight.axis == 0 ? channel : 0];
    float value = scale * static_cast<float>(sums[i]);
    if (layer.bias().defined()) value += layer.bias().value().data()[channel];
    result.push_back(value);
  }
  return result;
}

void check_close(const std::vector<float>& values, const std::vector<double>& expected,
                 double tolerance) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(std::abs(values[i] - expected[i]) < tolerance);
  }
}

std::vector<double> naive_conv(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  std::vector<double> result =
      naive_conv2d(converted<double>(input.to_row_major()), input.shape(),
                   converted<double>(weight.to_row_major()), weight.shape(), kConv.params);
  const std::size_t pixels = result.size() / static_cast<std::size_t>(input.dim(0)) / 6;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += bias.data()[i / pixels % 6];
  return result;
}

TEST_CASE("empty slots: the layer is the float convolution, in all modes") {
  const auto layer = make_conv();
  const Tensor input = random_tensor({2, 4, 6, 5}, 5);
  for (const Mode mode : {Mode::training, Mode::evaluation, Mode::bypass}) {
    set_mode(*layer, mode);
    check_close((*layer)(Variable(input)).value().to_row_major(),
                naive_conv(input, layer->weight().value(), layer->bias().value()), 1e-5);
  }
}

TEST_CASE("training with 1-bit ste: the convolution of signs; bypass: the float one") {
  const auto layer = make_conv();
  layer->set_input_quantizer(make_quantizer("ste", Role::activation, 1));
  layer->set_weight_quantizer(make_quantizer("ste", Role::weight, 1));
  const Tensor input = random_tensor({2, 4, 6, 5}, 6);
  const Tensor& weight = layer->weight().value();
  check_close((*layer)(Variable(input)).value().to_row_major(),
              naive_conv(sign(input), sign(weight), layer->bias().value()), 1e-5);
  set_mode(*layer, Mode::bypass);
  check_close((*layer)(Variable(input)).value().to_row_major(),
              naive_conv(input, weight, layer->bias().value()), 1e-5);
}

TEST_CASE("evaluation: sums past 2^24, float32's limit for exact integers, are rounded once") {
  constexpr std::int64_t kFeatures = 9001;
  Random random(2, "test");
  Linear layer({.in_features = kFeatures, .out_features = 3}, random);
  layer.set_input_quantizer(make_quantizer("affine", Role::activation, 8));
  layer.set_weight_quantizer(make_quantizer("symmetric", Role::weight, 8));
  // Near the ends of their ranges, so that sums are large and partial sums odd.
  const auto near_end = [](Tensor tensor) {
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      tensor.data()[i] = 1.0f - 0.001f * static_cast<float>(i * 7 % 40);
    return tensor;
  };
  Variable weight = layer.weight();
  weight.mutable_value().copy_from(near_end(Tensor({3, kFeatures})));
  const Tensor input = near_end(Tensor({2, kFeatures}));
  layer(Variable(input));
  set_mode(layer, Mode::evaluation);
  const auto output = layer(Variable(input)).value().to_row_major();

  const auto w = codes(weight.value(), layer.weight_quantizer().grid());
  const auto x = codes(input, layer.input_quantizer().grid());
  std::vector<std::int64_t> sums;
  for (std::size_t i = 0; i < 6; ++i) {
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < kFeatures; ++k)
      sum += x[i / 3 * kFeatures + k] * w[i % 3 * kFeatures + k];
    CHECK(sum > (std::int64_t{1} << 27));
    sums.push_back(sum);
  }
  CHECK(output == scaled(sums, layer, 3, 1));
}

TEST_CASE("evaluation: output is (s_a s_w) * integer sum + bias, bit for bit") {
  struct Case {
    const char* method;
    int weight_bits, input_bits;
    Granularity granularity;
  };
  for (const Case& c :
       {Case{"ste", 1, 1, Granularity::per_tensor}, Case{"ste", 8, 8, Granularity::per_channel},
        Case{"ste", 4, 8, Granularity::per_channel}, Case{"ste", 4, 4, Granularity::per_tensor},
        Case{"ab", 1, 1, Granularity::per_tensor}, Case{"ab", 8, 4, Granularity::per_channel}}) {
    CAPTURE(c.method);
    CAPTURE(c.weight_bits);
    CAPTURE(c.input_bits);
    const Tensor input = random_tensor({2, 4, 6, 5}, 7);
    const auto layer = make_conv();
    layer->set_input_quantizer(make_quantizer(c.method, Role::activation, c.input_bits));
    layer->set_weight_quantizer(
        make_quantizer(c.method, Role::weight, c.weight_bits, c.granularity));
    layer->input_quantizer().observe(random_tensor({2, 4, 6, 5}, 8));
    set_mode(*layer, Mode::evaluation);
    const Tensor output = (*layer)(Variable(input)).value();

    const Tensor& weight = layer->weight().value();
    const auto sums =
        naive_conv2d(codes(input, layer->input_quantizer().grid()), input.shape(),
                     codes(weight, layer->weight_quantizer().grid()), weight.shape(), kConv.params);
    CHECK(output.to_row_major() == scaled(sums, *layer, 6, 15));

    // Likewise in real values: the product of the fake-quantized tensors.
    check_close(output.to_row_major(),
                naive_conv(quant::fake_quantize(input, layer->input_quantizer().grid()),
                           quant::fake_quantize(weight, layer->weight_quantizer().grid()),
                           layer->bias().value()),
                1e-4);
  }
}

TEST_CASE("evaluation of a linear layer without bias: likewise") {
  Random random(9, "test");
  Linear layer({.in_features = 50, .out_features = 7}, random);
  layer.set_input_quantizer(make_quantizer("ste", Role::activation, 8));
  layer.set_weight_quantizer(make_quantizer("ste", Role::weight, 8, Granularity::per_channel));
  const Tensor input = random_tensor({3, 50}, 10);
  layer.input_quantizer().observe(input);
  set_mode(layer, Mode::evaluation);
  const Tensor output = layer(Variable(input)).value();
  const Tensor& weight = layer.weight().value();
  CHECK(output.to_row_major() ==
        scaled(naive_linear(codes(input, layer.input_quantizer().grid()), input.shape(),
                            codes(weight, layer.weight_quantizer().grid()), weight.shape()),
               layer, 7, 1));
}

TEST_CASE("evaluation with one slot empty: the product with the fake-quantized other") {
  const Tensor input = random_tensor({1, 4, 6, 5}, 11);
  const auto layer = make_conv();
  layer->set_weight_quantizer(make_quantizer("ste", Role::weight, 4));
  set_mode(*layer, Mode::evaluation);
  const Tensor output = (*layer)(Variable(input)).value();
  const Tensor weight =
      quant::fake_quantize(layer->weight().value(), layer->weight_quantizer().grid());
  check_close(output.to_row_major(), naive_conv(input, weight, layer->bias().value()), 1e-5);
}

TEST_CASE("evaluation follows every change of the weight, its quantizer and its parameters") {
  Random random(12, "test");
  Linear layer({.in_features = 2, .out_features = 1}, random);
  Tensor weight = layer.weight().value();
  const auto assign = [&](float a, float b) {
    weight.copy_from(Tensor::from_row_major<float>({1, 2}, std::vector<float>{a, b}));
  };
  layer.set_input_quantizer(make_quantizer("ste", Role::activation, 1));
  layer.set_weight_quantizer(std::make_unique<testing::TrainableScale>(Role::weight));
  set_mode(layer, Mode::evaluation);
  const auto output = [&] { return layer(Variable(Tensor::full({1, 2}, 1.0f))).value().item(); };
  assign(1.0f, 2.0f);
  CHECK(output() == 3.0f);
  CHECK(output() == 3.0f);
  assign(1.0f, 3.0f);
  CHECK(output() == 4.0f);
  Tensor scale = layer.weight_quantizer().parameters()[0].second.value();
  scale.copy_from(Tensor::scalar(2.0f));  // 1 / 2 and 3 / 2 round to 0 and 2
  CHECK(output() == 4.0f);
  assign(3.0f, 3.0f);
  CHECK(output() == 8.0f);
  layer.set_weight_quantizer(make_quantizer("ste", Role::weight, 1));
  set_mode(layer, Mode::evaluation);
  CHECK(output() == 2.0f);
  set_mode(layer, Mode::bypass);
  CHECK(output() == 6.0f);
}

TEST_CASE("quantized layer: weight, bias and input see the quantized gradient of the output") {
  Random random(3, "test");
  Linear layer({.in_features = 3, .out_features = 4, .bias = true}, random);
  quant::GradientQuantizer quantizer(2, 5, "fc");
  quantizer.set_step(8);
  layer.set_gradient_quantizer(quantizer);
  const Variable x(random_tensor({2, 3}, 6), true), y = layer(x);
  const Tensor target = random_tensor({2, 4}, 7);
  mse(y, target).backward();

  const Variable same(y.value(), true);
  mse(quantizer.forward(same), target).backward();
  const Tensor& g = same.grad();
  CHECK(g.to_row_major() != subtract(y.value(), target).to_row_major());
  for (std::int64_t o = 0; o < 4; ++o) {
    const float g0 = g.data()[o], g1 = g.data()[4 + o];
    CHECK(layer.bias().grad().data()[o] == doctest::Approx(g0 + g1));
    for (std::int64_t i = 0; i < 3; ++i) {
      CHECK(layer.weight().grad().data()[3 * o + i] ==
            doctest::Approx(g0 * x.value().data()[i] + g1 * x.value().data()[3 + i]));
    }
  }
  for (std::int64_t i = 0; i < 3; ++i) {
    double expected = 0.0;
    for (std::int64_t o = 0; o < 4; ++o) {
      expected += static_cast<double>(g.data()[o]) *
                  static_cast<double>(layer.weight().value().data()[3 * o + i]);
    }
    CHECK(x.grad().data()[i] == doctest::Approx(expected));
  }
}

}  // namespace
}  // namespace quench::layers
