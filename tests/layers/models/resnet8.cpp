#include "layers/models/resnet8.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/graph.h"
#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "layers/reference.h"

namespace quench::layers::models {
namespace {

std::unique_ptr<Module> make(const ResNet8Options& options) {
  Random random(1, "test");
  return resnet8(options, random);
}

TEST_CASE("resnet8: layers, parameters and multiply-accumulates of the published network") {
  const auto network = make({});
  struct Expected {
    const char* name;
    Shape output, weight;
  };
  const std::vector<Expected> expected{{"conv1", {1, 16, 32, 32}, {16, 3, 3, 3}},
                                       {"stack1.conv1", {1, 16, 32, 32}, {16, 16, 3, 3}},
                                       {"stack1.conv2", {1, 16, 32, 32}, {16, 16, 3, 3}},
                                       {"stack2.conv1", {1, 32, 16, 16}, {32, 16, 3, 3}},
                                       {"stack2.conv2", {1, 32, 16, 16}, {32, 32, 3, 3}},
                                       {"stack2.shortcut", {1, 32, 16, 16}, {32, 16, 1, 1}},
                                       {"stack3.conv1", {1, 64, 8, 8}, {64, 32, 3, 3}},
                                       {"stack3.conv2", {1, 64, 8, 8}, {64, 64, 3, 3}},
                                       {"stack3.shortcut", {1, 64, 8, 8}, {64, 32, 1, 1}},
                                       {"fc", {1, 10}, {10, 64}}};
  const auto layers = trace_layers(*network, {1, 3, 32, 32});
  REQUIRE(layers.size() == expected.size());
  std::int64_t macs = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    CAPTURE(expected[i].name);
    CHECK(layers[i].name == expected[i].name);
    CHECK(layers[i].output == expected[i].output);
    CHECK(layers[i].weight == expected[i].weight);
    macs += layers[i].macs;
  }
  // Pixels times weights, with stacks of 2 * 2304, 4608 + 9216 + 512 and 18432 + 36864 + 2048:
  // 1024 * (432 + 4608) + 256 * 14336 + 64 * 57344 + 640.
  CHECK(macs == 12'501'632);

  std::int64_t parameters = 0, statistics = 0;
  for (const Parameter& parameter : network->parameters())
    parameters += parameter.value.value().numel();
  for (const Buffer& buffer : network->buffers()) statistics += buffer.value.numel();
  // Gain and bias for 3 * 16 + 2 * 32 + 2 * 64 = 240 channels, besides the weights above.
  CHECK(parameters == 432 + 4608 + 14336 + 57344 + 640 + 10 + 2 * 240);
  CHECK(parameters == 77'850);
  // The published count has running statistics and a bias for each convolution's channels.
  CHECK(parameters + statistics + 3 * 16 + 3 * 32 + 3 * 64 == 78'666);
}

TEST_CASE("resnet8: the slots are registered in the order in which they run") {
  const auto network = make({.width = 0.25});
  const auto traced = trace_layers(*network, {1, 3, 32, 32});
  const auto registered = network->quantized_layers();
  REQUIRE(registered.size() == traced.size());
  for (std::size_t i = 0; i < traced.size(); ++i) CHECK(registered[i]->name() == traced[i].name);
}

TEST_CASE("resnet8: width scales every layer except the classes, images may have any size") {
  const auto layers =
      trace_layers(*make({.width = 0.5, .in_channels = 1, .classes = 7}), {1, 1, 21, 28});
  CHECK(layers.front().weight == Shape{8, 1, 3, 3});
  CHECK(layers[7].output == Shape{1, 32, 6, 7});
  CHECK(layers.back().weight == Shape{7, 32});
  CHECK_THROWS_WITH_AS(make({.width = 0.0}), "resnet8: expected width > 0, got 0",
                       std::invalid_argument);
}

TEST_CASE("resnet8: made by its name, evaluation gives logits [N, classes], the same each time") {
  Random random(1, "test");
  Settings settings = Settings::from({{"width", 0.25}});
  const auto network = make_model("resnet8", settings, {.classes = 5}, random);
  settings.finish();
  network->set_training(false);
  const Variable images(testing::random_tensor({3, 3, 32, 32}, 2));
  const Tensor logits = (*network)(images).value();
  CHECK(logits.shape() == Shape{3, 5});
  CHECK(testing::same_bits(logits, (*network)(images).value()));
}

}  // namespace
}  // namespace quench::layers::models
