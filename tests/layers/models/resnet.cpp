#include "layers/models/resnet.h"

#include <doctest/doctest.h>

#include "layers/batch_norm.h"
#include "layers/models/counts.h"
#include "layers/quantized_layer.h"

namespace quench::layers::models {
namespace {

using testing::build_model;

constexpr ModelInput kImageNet{.height = 224, .width = 224, .classes = 1000};

Settings style(const char* name) { return Settings::from({{"stride_style", name}}); }

void check_order(Module& network, const std::vector<LayerTrace>& layers) {
  REQUIRE(layers.size() == network.quantized_layers().size());
  for (std::size_t i = 0; i < layers.size(); ++i)
    CHECK(network.quantized_layers()[i]->name() == layers[i].name);
}

/// Multiply-accumulates of tf-slim's ResNet-50 at 224 x 224, by blocks of 3, 4, 6, 3 at 56, 28, 14, 7 pixels a side, of
/// which the last of the first three has a quarter of the pixels in its 3x3 and its last 1x1
/// convolution.
std::int64_t slim_macs() {
  const auto rest = [](std::int64_t c) { return 9 * c * c + 4 * c * c; };  // 3x3 and last 1x1
  std::int64_t macs = 112 * 112 * 147 * 64 + 2048 * 1000;
  std::int64_t in = 64, pixels = 56 * 56, channels = 64;
  for (const int blocks : {3, 4, 6, 3}) {
    const bool strided = channels < 512;
    macs +=
        pixels * (in * channels * 5 + (blocks - 1) * 4 * channels * channels);  // and projection
    macs += pixels * (blocks - (strided ? 1 : 0)) * rest(channels);
    if (strided) macs += pixels / 4 * rest(channels);
    in = 4 * channels;
    channels *= 2;
    pixels /= 4;
  }
  return macs;
}

std::vector<LayerTrace> trace(const char* name, const Settings& settings, std::int64_t size) {
  const auto network =
      build_model(name, settings, {.height = size, .width = size, .classes = 1000});
  return trace_layers(*network, {1, 3, size, size});
}

TEST_CASE("resnet18: torchvision's counts") {
  const auto network = build_model("resnet18", {}, kImageNet);
  CHECK(testing::parameter_count(*network) == 11'689'512);
  const auto layers = trace_layers(*network, {1, 3, 224, 224});
  CHECK(testing::total_macs(layers) == 1'814'073'344);
  check_order(*network, layers);
  CHECK(testing::output_of(layers, "layer1.0.conv1") == Shape{1, 64, 56, 56});
  CHECK(testing::output_of(layers, "layer4.0.shortcut.conv") == Shape{1, 512, 7, 7});
}

TEST_CASE("resnet50: torchvision's counts, and those of the other two stride styles") {
  const auto network = build_model("resnet50", {}, kImageNet);
  CHECK(testing::parameter_count(*network) == 25'557'032);
  CHECK(testing::count_of(*network, ParameterKind::weight) == 23'454'912 + 2'048'000);
  const auto layers = trace_layers(*network, {1, 3, 224, 224});
  check_order(*network, layers);
  CHECK(layers.size() == 54);
  CHECK(testing::total_macs(layers) == 4'089'184'256);
  CHECK(testing::output_of(layers, "layer2.0.conv1") == Shape{1, 128, 56, 56});
  CHECK(testing::output_of(layers, "layer2.0.conv2") == Shape{1, 128, 28, 28});

  const auto v1 = trace("resnet50", style("v1"), 224);
  CHECK(testing::total_macs(v1) == 3'857'973'248);
  CHECK(testing::output_of(v1, "layer2.0.conv1") == Shape{1, 128, 28, 28});

  const auto slim = trace("resnet50", style("slim"), 224);
  CHECK(testing::output_of(slim, "layer1.1.conv3") == Shape{1, 256, 56, 56});
  CHECK(testing::output_of(slim, "layer1.2.conv1") == Shape{1, 64, 56, 56});
  CHECK(testing::output_of(slim, "layer1.2.conv2") == Shape{1, 64, 28, 28});
  CHECK(testing::output_of(slim, "layer2.0.shortcut.conv") == Shape{1, 512, 28, 28});
  CHECK(testing::output_of(slim, "layer4.2.conv3") == Shape{1, 2048, 7, 7});
  CHECK(testing::total_macs(slim) == slim_macs());
}

TEST_CASE("resnet50_v2: tf-slim's counts, and which shortcuts project") {
  const auto network = build_model("resnet50_v2", style("slim"), kImageNet);
  CHECK(testing::parameter_count(*network) == 25'568'360);  // trainable ones of Keras' ResNet50V2
  const auto layers = trace_layers(*network, {1, 3, 224, 224});
  CHECK(testing::total_macs(layers) == slim_macs());
  CHECK(testing::output_of(layers, "layer4.2.conv3") == Shape{1, 2048, 7, 7});
  check_order(*network, layers);
  CHECK(batch_norms(*network).front()->name() == "layer1.0.preact");
  CHECK(batch_norms(*network).back()->name() == "postnorm");
  std::string projections;
  for (QuantizedLayer* layer : network->quantized_layers())
    if (layer->name().ends_with("shortcut")) projections += layer->name() + " ";
  CHECK(projections == "layer1.0.shortcut layer2.0.shortcut layer3.0.shortcut layer4.0.shortcut ");
}

TEST_CASE("resnets: other image sizes, and small ones with a small first convolution") {
  CHECK(testing::output_of(trace("resnet18", {}, 160), "layer4.1.conv2")[2] == 5);
  const auto large = trace("resnet18", Settings::from({{"small_images", "no"}}), 64);
  CHECK(large.front().weight == Shape{64, 3, 7, 7});
  CHECK(testing::output_of(large, "layer4.1.conv2")[3] == 2);
  for (const char* name : {"resnet18", "resnet50_v2"}) {
    CAPTURE(name);
    const auto small = trace(name, {}, 32);
    CHECK(small.front().weight == Shape{64, 3, 3, 3});
    CHECK(small[small.size() - 2].output[3] == 4);
  }
}

}  // namespace
}  // namespace quench::layers::models
