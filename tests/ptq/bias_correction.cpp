#include "ptq/bias_correction.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "layers/linear.h"
#include "layers/random_network.h"
#include "ptq/fold.h"

namespace quench::ptq {
namespace {

using quant::Granularity;
using quant::Mode;
using quant::Role;
using testing::deviation;
using testing::evaluated;
using testing::random_tensor;

/// The mean over all but the channel, [C].
Tensor channel_means(const Tensor& x) {
  Tensor means = Tensor::zeros({x.dim(1)});
  const auto values = x.to_row_major();
  const std::size_t channels = static_cast<std::size_t>(x.dim(1));
  const std::size_t pixels = values.size() / channels / static_cast<std::size_t>(x.dim(0));
  std::vector<double> sums(channels);
  for (std::size_t i = 0; i < values.size(); ++i)
    sums[i / pixels % channels] += static_cast<double>(values[i]);
  for (std::size_t c = 0; c < channels; ++c)
    means.span()[c] = static_cast<float>(sums[c] / static_cast<double>(values.size() / channels));
  return means;
}

/// Evaluated with quantized weights.
Tensor quantized(layers::Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, Mode::evaluation);
  return network(Variable(images)).value();
}

void quantize_weights(layers::Module& network, int bits) {
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    layer->set_weight_quantizer(
        testing::make_quantizer("ste", Role::weight, bits, Granularity::per_tensor));
  }
}

enum class Norm { beside, folded, into_weights };

TEST_CASE("correct_biases: the mean output of a quantized layer is the float one's again") {
  for (const Norm form : {Norm::beside, Norm::folded, Norm::into_weights}) {
    CAPTURE(static_cast<int>(form));
    testing::ConvBuilder builder;
    layers::Sequential& network = *builder.conv(3, 4, 1, 1, Activation::none).network;
    testing::randomize(network, 20);
    quantize_weights(network, 3);
    const Shape image{1, 3, 6, 6};
    if (form == Norm::folded) fold_batch_norms(network);
    if (form == Norm::into_weights) fold_into_weights(network);
    Tensor images = add_scalar(random_tensor({8, 3, 6, 6}, 5), 0.7f);
    const Tensor expected = channel_means(evaluated(network, images));
    CHECK(deviation(channel_means(quantized(network, images)), expected) > 1e-3);

    const auto report =
        correct_biases(network, {images.slice(0, 4), images.slice(4, 8)}, ExpectedInput::empirical);
    CHECK(report.corrected == std::vector<std::string>{"conv1"});
    CHECK(report.skipped.empty());
    CHECK(deviation(channel_means(quantized(network, images)), expected) < 1e-5);
  }
}

TEST_CASE("correct_biases: a layer's own bias where no batch norm follows, else nothing") {
  Random random(4, "test");
  for (const bool bias : {true, false}) {
    layers::Sequential network;
    network.append(
        "fc",
        std::make_shared<layers::Linear>(
            layers::LinearOptions{.in_features = 5, .out_features = 3, .bias = bias}, random));
    quantize_weights(network, 2);
    const Tensor input = add_scalar(random_tensor({20, 5}, 6), 1.0f);
    const Tensor expected = channel_means(evaluated(network, input));
    const auto report = correct_biases(network, {input}, ExpectedInput::analytic);
    CHECK(report.corrected.size() == (bias ? 1 : 0));
    CHECK(report.skipped.size() == (bias ? 0 : 1));
    CHECK((deviation(channel_means(quantized(network, input)), expected) < 1e-5) == bias);
  }
}

TEST_CASE("batch_norm_means: the means of normal inputs after batch norm and activation") {
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    CAPTURE(to_string(activation));
    Random random(4, "test");
    layers::Sequential network;
    auto norm = network.append(
        "bn", std::make_shared<layers::BatchNorm>(3, BatchNormParams{.activation = activation}));
    network.append("conv", std::make_shared<layers::Conv2d>(
                               layers::Conv2dOptions{.in_channels = 3, .out_channels = 2}, random));
    norm->gain().mutable_value().copy_from(Tensor::from_row_major<float>({3}, {2.0f, -0.5f, 3.0f}));
    norm->bias().mutable_value().copy_from(Tensor::from_row_major<float>({3}, {-0.6f, 0.3f, 4.0f}));
    const Tensor images = random_tensor({40, 3, 40, 40}, 8);  // mean 0, variance 1: the defaults
    const ExpectedInputs analytic = batch_norm_means(network);
    const ExpectedInputs empirical = mean_inputs(network, {images});
    REQUIRE(analytic.size() == 1);
    // 64,000 values with a deviation of up to 3.
    const auto& [layer, means] = *analytic.begin();
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(std::abs(means.span()[c] - empirical.at(layer).span()[c]) < 0.04f);
  }
}

TEST_CASE("batch_norm_means: none for the image, and folding does not change them") {
  testing::ConvBuilder builder;
  builder.conv(3, 4, 3, 1, Activation::relu).conv(4, 2, 1, 1, Activation::none);
  testing::randomize(*builder.network, 30);
  const Tensor image = random_tensor({1, 3, 6, 6}, 5);
  const ExpectedInputs before = batch_norm_means(*builder.network);
  REQUIRE(before.size() == 1);
  CHECK(before.begin()->first->name() == "conv2");
  fold_into_weights(*builder.network);
  CHECK(deviation(batch_norm_means(*builder.network).begin()->second, before.begin()->second) <
        1e-4);
}

TEST_CASE("correct_biases: no images, no correction") {
  layers::Sequential network;
  CHECK_THROWS_WITH_AS(correct_biases(network, {}, ExpectedInput::empirical),
                       "correct_biases: expected at least one batch of images, got none",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
