#include "layers/models/binarynet.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/batch_norm.h"
#include "layers/graph.h"
#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "layers/reference.h"

namespace quench::layers::models {
namespace {

std::unique_ptr<Module> make(const BinaryNetOptions& options) {
  Random random(1, "test");
  return binarynet(options, random);
}

std::int64_t weights(Module& network) {
  std::int64_t count = 0;
  for (const Parameter& parameter : network.parameters()) {
    if (parameter.kind == ParameterKind::weight) count += parameter.value.value().numel();
  }
  return count;
}

TEST_CASE("binarynet: layers, weights and multiply-accumulates of the published network") {
  const auto network = make({});
  CHECK(weights(*network) == 14'022'016);
  struct Expected {
    const char* name;
    Shape output, weight;
  };
  const std::vector<Expected> expected{{"conv1", {1, 128, 32, 32}, {128, 3, 3, 3}},
                                       {"conv2", {1, 128, 32, 32}, {128, 128, 3, 3}},
                                       {"conv3", {1, 256, 16, 16}, {256, 128, 3, 3}},
                                       {"conv4", {1, 256, 16, 16}, {256, 256, 3, 3}},
                                       {"conv5", {1, 512, 8, 8}, {512, 256, 3, 3}},
                                       {"conv6", {1, 512, 8, 8}, {512, 512, 3, 3}},
                                       {"fc7", {1, 1024}, {1024, 8192}},
                                       {"fc8", {1, 1024}, {1024, 1024}},
                                       {"fc9", {1, 10}, {10, 1024}}};
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
  // Pixels times weights: 1024 (3456 + 147456) + 256 (294912 + 589824) + 64 (1179648 + 2359296)
  // + 8388608 + 1048576 + 10240.
  CHECK(macs == 154'533'888 + 226'492'416 + 226'492'416 + 9'447'424);
}

TEST_CASE("binarynet: without padding at the first layer, odd sizes lose their last row") {
  const auto network = make({.first_pad = false});
  CHECK(weights(*network) == 10'352'000);
  const auto layers = trace_layers(*network, {1, 3, 32, 32});
  CHECK(layers[0].output == Shape{1, 128, 30, 30});
  CHECK(layers[2].input == Shape{1, 128, 15, 15});
  CHECK(layers[4].input == Shape{1, 256, 7, 7});
  CHECK(layers[6].weight == Shape{1024, 512 * 3 * 3});
}

TEST_CASE("binarynet: width scales every layer except the classes") {
  const auto layers = trace_layers(*make({.width = 0.125, .classes = 7}), {1, 3, 32, 32});
  CHECK(layers[0].weight == Shape{16, 3, 3, 3});
  CHECK(layers[5].weight == Shape{64, 64, 3, 3});
  CHECK(layers[8].weight == Shape{7, 128});
  CHECK(trace_layers(*make({.width = 1e-4}), {1, 3, 32, 32})[0].weight == Shape{1, 3, 3, 3});
}

TEST_CASE("binarynet: biases and a final batch norm depend on the variant") {
  const auto has = [](Module& network, const std::string& name) {
    for (const Parameter& parameter : network.parameters()) {
      if (parameter.name == name) return true;
    }
    return false;
  };
  const auto binary = make({.width = 1.0 / 64});
  CHECK_FALSE(has(*binary, "fc9.bias"));
  CHECK(has(*binary, "bn9.weight"));
  const auto baseline = make({.width = 1.0 / 64, .activation = Activation::relu});
  CHECK(has(*baseline, "fc9.bias"));
  CHECK_FALSE(has(*baseline, "bn9.weight"));
  CHECK(has(*baseline, "bn8.weight"));
}

TEST_CASE("binarynet: evaluation gives logits [N, classes], the same each time") {
  for (const bool padded : {true, false}) {
    const auto network = make({.width = 1.0 / 16, .first_pad = padded});
    network->set_training(false);
    const Variable images(testing::random_tensor({3, 3, 32, 32}, 2));
    const Tensor logits = (*network)(images).value();
    CHECK(logits.shape() == Shape{3, 10});
    CHECK(testing::same_bits(logits, (*network)(images).value()));
  }
}

TEST_CASE("binarynet: sizes that its pools do not divide are rejected") {
  CHECK_THROWS_WITH_AS(make({.image_size = 28}),
                       "binarynet: expected an image size that is a multiple of 8, got 28",
                       std::invalid_argument);
  CHECK_THROWS_AS(make({.image_size = 8, .first_pad = false}), std::invalid_argument);
  CHECK_THROWS_AS(make({.width = 0.0}), std::invalid_argument);
}

TEST_CASE("make_model: reads its own settings, rejects unknown names and unsupported images") {
  Random random(1, "test");
  Settings settings = Settings::from({{"width", 0.125}, {"first_pad", "valid"}});
  const auto network = make_model("binarynet", settings, {}, random);
  settings.finish();
  CHECK(network->parameters()[0].value.shape() == Shape{16, 3, 3, 3});
  CHECK_THROWS_WITH_AS(make_model("binarynett", settings, {}, random),
                       doctest::Contains("did you mean 'binarynet'?"), std::invalid_argument);
  CHECK_THROWS_AS(make_model("binarynet", settings, {.height = 32, .width = 40}, random),
                  std::invalid_argument);
  CHECK(registered_models()[0].name == "binarynet");
}

}  // namespace
}  // namespace quench::layers::models
