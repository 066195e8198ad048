#include "layers/models/cifar_resnet.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/models/counts.h"
#include "layers/quantized_layer.h"

namespace quench::layers::models {
namespace {

using testing::build_model;

TEST_CASE("cifar_resnet: parameters as akamaster/pytorch_resnet_cifar10 counts them") {
  const auto parameters = [](const char* name) {
    return testing::parameter_count(*build_model(name, {}, {}));
  };
  CHECK(parameters("resnet20") == 269'722);
  CHECK(parameters("resnet32") == 464'154);
  CHECK(parameters("resnet44") == 658'586);
  CHECK(parameters("resnet56") == 853'018);
}

TEST_CASE("cifar_resnet: ResNet-20 layer by layer") {
  const auto network = build_model("resnet20", {}, {});
  const auto layers = trace_layers(*network, {1, 3, 32, 32});
  REQUIRE(layers.size() == 20);  // no convolution in a shortcut
  // Pixels times weights: 1024 * 432, six times 1024 * 2304, then twice 256 * 4608 and five of
  // 256 * 9216 (a quarter of the pixels, four times the weights), and the classifier.
  CHECK(testing::total_macs(layers) ==
        442'368 + 6 * 2'359'296 + 2 * (1'179'648 + 5 * 2'359'296) + 640);
  CHECK(testing::output_of(layers, "layer1.0.conv1") == Shape{1, 16, 32, 32});
  CHECK(testing::output_of(layers, "layer2.0.conv1") == Shape{1, 32, 16, 16});
  CHECK(testing::output_of(layers, "layer3.2.conv2") == Shape{1, 64, 8, 8});
  // Weights of convolutions and classifier with its bias.
  CHECK(testing::count_of(*network, ParameterKind::weight) +
            testing::count_of(*network, ParameterKind::bias) ==
        268'346);
  for (std::size_t i = 0; i < layers.size(); ++i)
    CHECK(network->quantized_layers()[i]->name() == layers[i].name);
}

TEST_CASE(
    "cifar_resnet: other widths, channels, classes and image sizes; other depths are rejected") {
  const auto network =
      build_model("resnet20", Settings::from({{"width", 0.5}}), {.channels = 1, .classes = 7});
  const auto layers = trace_layers(*network, {1, 1, 21, 30});
  CHECK(layers.front().weight == Shape{8, 1, 3, 3});
  CHECK(testing::output_of(layers, "layer3.2.conv2") == Shape{1, 32, 6, 8});
  CHECK(layers.back().weight == Shape{7, 32});
  Random random(1, "test");
  CHECK_THROWS_WITH_AS(cifar_resnet({.depth = 21}, random),
                       "resnet for CIFAR-10: expected a depth of 6 n + 2, got 21",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers::models
