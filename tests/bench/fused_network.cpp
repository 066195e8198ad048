#include "bench/fused_network.h"

#include <doctest/doctest.h>

#include "deploy/composed_networks.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/models/registry.h"
#include "layers/models/resnet8.h"
#include "layers/pool.h"
#include "layers/random_network.h"

using namespace quench;
using quench::bench::FusedNetwork;

namespace {

constexpr double kRounding = 1e-5;

std::shared_ptr<layers::Conv2d> conv(std::int64_t in, std::int64_t out, Random& random) {
  return std::make_shared<layers::Conv2d>(layers::Conv2dOptions{.in_channels = in,
                                                                .out_channels = out,
                                                                .params = {.padding = {1, 1, 1, 1}},
                                                                .bias = true},
                                          random);
}

/// Reads its first convolution's output again after a sum has read it.
class ReadTwice final : public layers::Composite {
 public:
  explicit ReadTwice(Random& random) {
    const layers::ValueId stem = append("stem", conv(3, 4, random), {layers::Graph::kInput});
    const layers::ValueId conv1 = append("conv1", conv(4, 4, random), {stem});
    const layers::ValueId middle =
        append("add1", std::make_shared<layers::Add>(Activation::relu), {stem, conv1});
    const layers::ValueId conv2 = append("conv2", conv(4, 4, random), {middle});
    set_output(append("add2", std::make_shared<layers::Add>(), {conv2, stem}));
  }
};

void check_equal(layers::Module& network, FusedNetwork& fused, const Shape& shape) {
  const Tensor images = testing::random_tensor(shape, 9);
  const Tensor before = images.clone();
  CHECK(testing::deviation(fused(images), testing::evaluated(network, images)) < kRounding);
  CHECK(images.to_row_major<float>() == before.to_row_major<float>());
}

}  // namespace

TEST_CASE("fused_network: batch norms, activations and sums become part of convolutions") {
  Random random(1, "test");
  const auto network = layers::models::resnet8({}, random);
  network->set_training(false);
  testing::randomize(*network, 20);
  FusedNetwork fused(*network);
  // 1 of the stem; conv1 and conv2 with the sum; twice conv1, conv2 and shortcut with the sum; pool
  // and linear layer.
  CHECK(fused.steps() == 1 + 2 + 3 + 3 + 2);
  check_equal(*network, fused, {1, 3, 32, 32});
  check_equal(*network, fused, {3, 3, 32, 32});
}

TEST_CASE("fused_network: a step for each convolution is left of real networks") {
  const layers::models::ModelInput input{.height = 64, .width = 64, .classes = 10};
  // 20 convolutions of ResNet-18, 27 of MobileNet; mean and linear layer of both.
  for (const auto& [name, steps] : {std::pair{"resnet18", 22}, {"mobilenet_v1", 29}}) {
    CAPTURE(std::string(name));
    Random random(6, "test");
    Settings settings = Settings::from({{"width", 0.25}});
    const auto network = layers::models::make_model(name, settings, input, random);
    network->set_training(false);
    testing::randomize(*network, 50);
    FusedNetwork fused(*network);
    CHECK(fused.steps() == static_cast<std::size_t>(steps));
    check_equal(*network, fused, {2, 3, 64, 64});
  }
}

TEST_CASE("fused_network: separate activations, pools and depthwise convolutions") {
  Random random(2, "test");
  testing::ConvBuilder builder;
  builder.conv(3, 8, 3, 1, Activation::relu6).conv(8, 8, 3, 8, Activation::none);
  auto& network = *builder.network;
  network.append("relu", std::make_shared<layers::ActivationLayer>(Activation::relu));
  network.append("pool", std::make_shared<layers::MaxPool2d>(Window2d{{2, 2}, {2, 2}, {}}));
  network.append("last", conv(8, 5, random));
  network.append("clip", std::make_shared<layers::ActivationLayer>(Activation::hardtanh));
  network.set_training(false);
  testing::randomize(network, 30);
  FusedNetwork fused(network);
  CHECK(fused.steps() == 4);
  check_equal(network, fused, {2, 3, 10, 6});
}

TEST_CASE("fused_network: a sum does not overwrite an operand that is read again") {
  Random random(3, "test");
  ReadTwice network(random);
  network.set_training(false);
  testing::randomize(network, 40);
  FusedNetwork fused(network);
  CHECK(fused.steps() == 4);  // stem, conv1, the first sum, conv2 with the second
  check_equal(network, fused, {2, 3, 6, 6});
}

TEST_CASE("fused_network: keeps the weights it was made from") {
  Random random(4, "test");
  layers::Sequential network;
  const auto layer = network.append("conv", conv(3, 4, random));
  network.append("bn", std::make_shared<layers::BatchNorm>(4, BatchNormParams{}));
  network.set_training(false);
  FusedNetwork fused(network);
  const Tensor images = testing::random_tensor({1, 3, 5, 5}, 9);
  const Tensor before = testing::evaluated(network, images);
  Variable weight = layer->weight();
  weight.mutable_value().copy_from(Tensor::zeros(weight.shape()));
  CHECK(testing::deviation(fused(images), before) < kRounding);
}

TEST_CASE("fused_network: refuses quantizers") {
  Random random(5, "test");
  const auto network = layers::models::resnet8({.width = 0.25}, random);
  layers::attach_quantizers(*network, quant::Policy(Settings::from({{"method", "ste"}})));
  CHECK_THROWS_WITH_AS(FusedNetwork{*network},
                       "fused_network: expected a float network, got one with quantizers",
                       std::invalid_argument);
}

TEST_CASE("fused_network: products, functions, pads and concatenations run as they are") {
  for (const auto make :
       {testing::squeeze_excite_network, testing::dense_network, testing::mixed_network}) {
    const auto network = make();
    testing::randomize(*network, 5);
    const Shape image{2, 3, testing::kComposedSide, testing::kComposedSide};
    network->set_training(false);
    FusedNetwork fused(*network);
    check_equal(*network, fused, image);
    check_equal(*network, fused, image.with(0, 3));
  }
}
