#include "layers/models/cnv.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "layers/graph.h"
#include "layers/models/registry.h"

namespace quench::layers::models {
namespace {

std::unique_ptr<Module> make(const CnvOptions& options) {
  Random random(1, "test");
  return cnv(options, random);
}

TEST_CASE("cnv: layers, weights and multiply-accumulates of the published network") {
  const auto network = make({});
  struct Expected {
    const char* name;
    Shape output, weight;
    std::int64_t macs;
  };
  const std::vector<Expected> expected{{"conv1", {1, 64, 30, 30}, {64, 3, 3, 3}, 900 * 1728},
                                       {"conv2", {1, 64, 28, 28}, {64, 64, 3, 3}, 784 * 36864},
                                       {"conv3", {1, 128, 12, 12}, {128, 64, 3, 3}, 144 * 73728},
                                       {"conv4", {1, 128, 10, 10}, {128, 128, 3, 3}, 100 * 147456},
                                       {"conv5", {1, 256, 3, 3}, {256, 128, 3, 3}, 9 * 294912},
                                       {"conv6", {1, 256, 1, 1}, {256, 256, 3, 3}, 589824},
                                       {"fc1", {1, 512}, {512, 256}, 131072},
                                       {"fc2", {1, 512}, {512, 512}, 262144},
                                       {"fc3", {1, 10}, {10, 512}, 5120}};
  const auto layers = trace_layers(*network, {1, 3, 32, 32});
  REQUIRE(layers.size() == expected.size());
  std::int64_t weights = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    CAPTURE(expected[i].name);
    CHECK(layers[i].name == expected[i].name);
    CHECK(layers[i].output == expected[i].output);
    CHECK(layers[i].weight == expected[i].weight);
    CHECK(layers[i].macs == expected[i].macs);
    weights += layers[i].weight.numel();
  }
  CHECK(weights == 1'542'848);
}

TEST_CASE("cnv: width and classes") {
  const auto network = make({.width = 0.25, .classes = 7});
  const auto layers = trace_layers(*network, {1, 3, 32, 32});
  CHECK(layers[4].weight == Shape{64, 32, 3, 3});
  CHECK(layers.back().output == Shape{1, 7});
}

TEST_CASE("cnv: rejects sizes that it cannot build") {
  CHECK_THROWS_WITH_AS(make({.image_size = 30}), "cnv: expected images of at least 32 x 32, got 30",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.width = 0.0}), "cnv: expected width > 0, got 0",
                       std::invalid_argument);
  Settings settings;
  Random random(1, "test");
  CHECK_THROWS_WITH_AS(make_model("cnv", settings, {.height = 32, .width = 40}, random),
                       "cnv: expected square images, got 32 x 40", std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers::models
