#include "ptq/equalize.h"

#include <doctest/doctest.h>

#include <cmath>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/models/resnet8.h"
#include "layers/pool.h"
#include "layers/random_network.h"
#include "layers/shape_layers.h"
#include "ptq/input_channels.h"

namespace quench::ptq {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;
using testing::ConvBuilder;
using testing::deviation;
using testing::evaluated;
using testing::random_tensor;

/// The largest |w| of each output channel.
std::vector<float> output_ranges(const layers::QuantizedLayer& layer) {
  const Tensor& weight = layer.weight().value();
  std::vector<float> ranges(static_cast<std::size_t>(weight.dim(0)));
  const std::size_t slice = weight.span().size() / ranges.size();
  for (std::size_t i = 0; i < weight.span().size(); ++i)
    ranges[i / slice] = std::max(ranges[i / slice], std::abs(weight.span()[i]));
  return ranges;
}

/// Equalizes and checks that the function does not change and that the ranges agree at every pair.
EqualizationReport check_equalized(layers::Module& network, const Shape& image) {
  const Tensor images = random_tensor(image.with(0, 3), 5);
  const Tensor before = evaluated(network, images);
  const EqualizationReport report = equalize(network);
  CHECK(deviation(evaluated(network, images), before) < 1e-4);
  CHECK(report.change < 1e-4);
  CHECK(report.sweeps < 100);
  for (const auto& [producer, consumer] : report.pairs) {
    CAPTURE(producer);
    layers::QuantizedLayer *from = nullptr, *to = nullptr;
    for (layers::QuantizedLayer* layer : network.quantized_layers()) {
      if (layer->name() == producer) from = layer;
      if (layer->name() == consumer) to = layer;
    }
    const std::vector<float> ranges = output_ranges(*from);
    const Tensor inputs = input_ranges(*to, static_cast<std::int64_t>(ranges.size()));
    for (std::size_t c = 0; c < ranges.size(); ++c)
      CHECK(std::abs(ranges[c] / inputs.span()[c] - 1.0f) < 1e-3f);
  }
  return report;
}

TEST_CASE("equalize: convolutions in a row, pools and a flattened classifier") {
  ConvBuilder builder;
  builder.conv(3, 4, 3, 1, Activation::relu);
  builder.network->append(
      "pool", std::make_shared<layers::MaxPool2d>(Window2d{.kernel = {2, 2}, .stride = {2, 2}}));
  builder.conv(4, 6, 3, 2, Activation::none);
  builder.network->append("flatten", std::make_shared<layers::Flatten>());
  Random random(4, "test");
  builder.network->append(
      "fc",
      std::make_shared<layers::Linear>(
          layers::LinearOptions{.in_features = 6 * 16, .out_features = 5, .bias = true}, random));
  testing::randomize(*builder.network, 20);
  const EqualizationReport report = check_equalized(*builder.network, {1, 3, 8, 8});
  CHECK(report.pairs == Names{{"conv1", "conv2"}, {"conv2", "fc"}});
  CHECK(report.excluded.empty());
}

TEST_CASE("equalize: a depthwise layer in the middle takes the closed form for triples") {
  ConvBuilder builder;
  builder.conv(3, 4, 1, 1, Activation::relu)
      .conv(4, 4, 3, 4, Activation::relu)
      .conv(4, 5, 1, 1, Activation::none);
  layers::Module& network = *builder.network;
  testing::randomize(network, 30);
  fold_into_weights(network);
  const auto layers = network.quantized_layers();
  const std::vector<float> first = output_ranges(*layers[0]), middle = output_ranges(*layers[1]);
  const Tensor last = input_ranges(*layers[2], 4).clone();
  const EqualizationReport report = check_equalized(network, {1, 3, 8, 8});
  CHECK(report.pairs == Names{{"conv1", "conv2"}, {"conv2", "conv3"}});
  for (std::size_t c = 0; c < 4; ++c) {
    const float common = std::cbrt(first[c] * middle[c] * last.span()[c]);
    CHECK(std::abs(output_ranges(*layers[0])[c] / common - 1.0f) < 1e-3f);
    CHECK(std::abs(output_ranges(*layers[1])[c] / common - 1.0f) < 1e-3f);
  }
}

TEST_CASE("equalize: ReLU6 and hardtanh exclude a pair, with the reason") {
  ConvBuilder builder;
  builder.conv(3, 4, 1, 1, Activation::relu6)
      .conv(4, 4, 3, 4, Activation::hardtanh)
      .conv(4, 5, 1, 1, Activation::none);
  testing::randomize(*builder.network, 40);
  const EqualizationReport report = equalize(*builder.network);
  CHECK(report.pairs.empty());
  CHECK(report.sweeps == 0);
  CHECK(report.excluded == Names{{"conv1", "relu6 does not scale with its input"},
                                 {"conv2", "hardtanh does not scale with its input"}});
}

TEST_CASE("equalize: a batch norm after a pool is not the layer's own, so the pair is skipped") {
  ConvBuilder builder;
  Random random(4, "test");
  builder.network->append("conv0",
                          std::make_shared<layers::Conv2d>(
                              layers::Conv2dOptions{.in_channels = 3, .out_channels = 4}, random));
  builder.network->append(
      "pool", std::make_shared<layers::MaxPool2d>(Window2d{.kernel = {2, 2}, .stride = {2, 2}}));
  builder.network->append("bn0", std::make_shared<layers::BatchNorm>(4, BatchNormParams{}));
  builder.conv(4, 5, 1, 1, Activation::none);
  const EqualizationReport report = equalize(*builder.network);
  CHECK(report.pairs.empty());
  CHECK(report.excluded == Names{{"conv0", "bn0 after it has its own factors"}});
}

TEST_CASE("equalize: in residual blocks only values that no sum reads") {
  Random random(1, "test");
  const auto network = layers::models::resnet8({.width = 0.25}, random);
  testing::randomize(*network, 50);
  const EqualizationReport report = check_equalized(*network, {1, 3, 32, 32});
  CHECK(report.pairs == Names{{"stack1.conv1", "stack1.conv2"},
                              {"stack2.conv1", "stack2.conv2"},
                              {"stack3.conv1", "stack3.conv2"}});
  // conv1's output is also what the identity of stack1 adds.
  const std::string sum = "a sum reads its output";
  CHECK(report.excluded == Names{{"conv1", "2 layers read its output"},
                                 {"stack1.conv2", sum},
                                 {"stack2.conv2", sum},
                                 {"stack2.shortcut", sum},
                                 {"stack3.conv2", sum},
                                 {"stack3.shortcut", sum}});
}

struct Joined final : layers::Composite {
  Joined() {
    Random random(1, "test");
    const auto conv = [&](const char* name, std::int64_t in, std::int64_t out,
                          layers::ValueId input) {
      const layers::Conv2dOptions options{
          .in_channels = in, .out_channels = out, .params = {.padding = {1, 1, 1, 1}}};
      return append(name, std::make_shared<layers::Conv2d>(options, random), {input});
    };
    const layers::ValueId a = conv("conv1", 3, 4, layers::Graph::kInput);
    const layers::ValueId relu =
        append("relu", std::make_shared<layers::ActivationLayer>(Activation::relu), {a});
    const layers::ValueId b = conv("conv2", 4, 5, relu);
    const layers::ValueId joined =
        conv("conv3", 9, 4, append("concat", std::make_shared<layers::Concat>(), {a, b}));
    const layers::ValueId leaky =
        append("leaky", std::make_shared<layers::PointwiseFunction>(Pointwise::leaky_relu(0.1f)),
               {joined});
    set_output(conv("conv4", 4, 2,
                    append("product", std::make_shared<layers::Multiply>(), {leaky, joined})));
  }
};

TEST_CASE("equalize: not through concatenations, products and functions") {
  Joined network;
  testing::randomize(network, 60);
  const EqualizationReport report = check_equalized(network, {1, 3, 6, 6});
  CHECK(report.pairs.empty());
  CHECK(report.excluded == Names{{"conv1", "2 layers read its output"},
                                 {"conv2", "concat joins its output with others"},
                                 {"conv3", "2 layers read its output"}});
}

TEST_CASE("equalize_pair: a dead channel on either side does not change") {
  Random random(4, "test");
  layers::Linear first({.in_features = 2, .out_features = 3, .bias = true}, random);
  layers::Linear second({.in_features = 3, .out_features = 1}, random);
  Variable(first.weight())
      .mutable_value()
      .copy_from(Tensor::from_row_major<float>({3, 2}, {0.0f, 0.0f, 1.0f, -4.0f, 2.0f, 1.0f}));
  Variable(second.weight())
      .mutable_value()
      .copy_from(Tensor::from_row_major<float>({1, 3}, {5.0f, 1.0f, 0.0f}));
  const Tensor s = equalize_pair({&first, nullptr}, second);
  CHECK(s.to_row_major() == std::vector<float>{1.0f, 2.0f, 1.0f});
  CHECK(first.weight().value().to_row_major() ==
        std::vector<float>{0.0f, 0.0f, 0.5f, -2.0f, 2.0f, 1.0f});
  CHECK(second.weight().value().to_row_major() == std::vector<float>{5.0f, 2.0f, 0.0f});
}

TEST_CASE("equalize: a channel with negligible readers does not affect the other scales") {
  for (const float read : {0.0f, 1e-18f}) {
    CAPTURE(read);
    ConvBuilder builder;
    layers::Sequential& network =
        *builder.conv(3, 4, 1, 1, Activation::relu).conv(4, 5, 1, 1, Activation::none).network;
    testing::randomize(network, 40);
    const auto layers = network.quantized_layers();
    Variable first = layers[0]->weight(), second = layers[1]->weight();
    for (std::size_t i = 0; i < 3; ++i) first.mutable_value().span()[3 + i] = 500.0f;  // channel 1
    for (std::size_t o = 0; o < 5; ++o) second.mutable_value().span()[4 * o + 1] = read;
    const Tensor images = random_tensor({2, 3, 8, 8}, 5);
    const Tensor before = evaluated(network, images);
    equalize(network);
    CHECK(deviation(evaluated(network, images), before) < 1e-4);
    const std::vector<float> ranges = output_ranges(*layers[0]);
    CHECK(ranges[1] == doctest::Approx(std::max({ranges[0], ranges[2], ranges[3]})));
  }
}

TEST_CASE("equalize_pair: a negligible channel counts as dead, and keeps its bias") {
  Random random(4, "test");
  layers::Linear first({.in_features = 1, .out_features = 3, .bias = true}, random);
  layers::Linear second({.in_features = 3, .out_features = 1}, random);
  const auto set = [](const Variable& value, const Tensor& to) {
    Variable(value).mutable_value().copy_from(to);
  };
  set(first.weight(), Tensor::from_row_major<float>({3, 1}, {1e-9f, 4.0f, 0.01f}));
  set(first.bias(), Tensor::from_row_major<float>({3}, {2.0f, 2.0f, 2.0f}));
  set(second.weight(), Tensor::from_row_major<float>({1, 3}, {1.0f, 1.0f, 1.0f}));
  const Tensor s = equalize_pair({&first, nullptr}, second);
  CHECK(s.to_row_major() == std::vector<float>{1.0f, 2.0f, 0.1f});
  CHECK(first.bias().value().to_row_major()[0] == 2.0f);
  CHECK(second.weight().value().to_row_major()[0] == 1.0f);
}

}  // namespace
}  // namespace quench::ptq
