#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/batch_norm.h"
#include "layers/models/counts.h"
#include "layers/models/mobilenet_v1.h"
#include "layers/quantized_layer.h"

// The published counts of MobileNet v1, v2 and MNasNet.
namespace quench::layers::models {
namespace {

using testing::build_model;

ModelInput images(std::int64_t size, std::int64_t classes = 1000) {
  return {.height = size, .width = size, .classes = classes};
}

Settings width(double value) { return Settings::from({{"width", value}}); }

std::vector<LayerTrace> trace(Module& network, std::int64_t size) {
  return trace_layers(network, {1, 3, size, size});
}

/// Weights, or multiply-accumulates, of all convolutions.
template <typename Count>
std::int64_t of_convolutions(const std::vector<LayerTrace>& layers, Count count) {
  std::int64_t sum = 0;
  for (const LayerTrace& layer : layers)
    if (layer.weight.rank() == 4) sum += count(layer);
  return sum;
}
std::int64_t weights(const LayerTrace& layer) { return layer.weight.numel(); }
std::int64_t macs(const LayerTrace& layer) { return layer.macs; }

/// The first convolution and the depthwise ones, in percent of all layers including the classifier.
template <typename Count>
double first_and_depthwise(const std::vector<LayerTrace>& layers, Count count) {
  double part = 0.0, all = 0.0;
  for (const LayerTrace& layer : layers) {
    const auto n = static_cast<double>(count(layer));
    all += n;
    if (layer.name == "conv1.conv" || layer.name.ends_with("dw.conv")) part += n;
  }
  return 100.0 * part / all;
}

TEST_CASE("mobilenet_v1: weights, channels and multiply-accumulates of every width") {
  struct Expected {
    double width;
    std::int64_t convolutions, classifier, norm_channels;
    double macs_224, macs_128;             // millions
    double weights_percent, macs_percent;  // first and depthwise layers
  };
  for (const Expected& e : {Expected{1.0, 3'185'088, 1'025'024, 10'944, 568.7, 186.4, 1.08, 4.96},
                            Expected{0.75, 1'800'144, 768'768, 8'208, 325.4, 106.8, 1.33, 6.51},
                            Expected{0.5, 807'648, 512'512, 5'472, 149.5, 49.2, 1.72, 9.44},
                            Expected{0.25, 207'600, 256'256, 2'736, 41.0, 13.6, 2.45, 17.20}}) {
    CAPTURE(e.width);
    const auto network = build_model("mobilenet_v1", width(e.width), images(224, 1001));
    const auto layers = trace(*network, 224);
    REQUIRE(layers.size() == 28);
    CHECK(of_convolutions(layers, weights) == e.convolutions);
    CHECK(layers.back().weight.numel() == e.classifier);
    std::int64_t channels = 0;
    for (BatchNorm* norm : batch_norms(*network)) channels += norm->gain().shape()[0];
    CHECK(channels == e.norm_channels);
    CHECK(static_cast<double>(testing::total_macs(layers)) / 1e6 ==
          doctest::Approx(e.macs_224).epsilon(0.05 / e.macs_224));
    CHECK(first_and_depthwise(layers, weights) ==
          doctest::Approx(e.weights_percent).epsilon(0.005));
    CHECK(first_and_depthwise(layers, macs) == doctest::Approx(e.macs_percent).epsilon(0.005));
    const auto smaller = build_model("mobilenet_v1", width(e.width), images(128, 1001));
    CHECK(static_cast<double>(testing::total_macs(trace(*smaller, 128))) / 1e6 ==
          doctest::Approx(e.macs_128).epsilon(0.05 / e.macs_128));
  }
}

TEST_CASE("mobilenet_v1: the last map at every resolution, and for small images") {
  const auto last_map = [](std::int64_t size, Settings settings) {
    const auto network = build_model("mobilenet_v1", settings, images(size));
    return testing::output_of(trace(*network, size), "block13.pw.conv");
  };
  CHECK(last_map(224, width(0.25)) == Shape{1, 256, 7, 7});
  CHECK(last_map(192, width(0.25)) == Shape{1, 256, 6, 6});
  CHECK(last_map(160, width(0.25)) == Shape{1, 256, 5, 5});
  CHECK(last_map(128, width(0.25)) == Shape{1, 256, 4, 4});
  CHECK(last_map(96, width(0.25)) == Shape{1, 256, 3, 3});
  CHECK(last_map(101, width(0.25)) == Shape{1, 256, 4, 4});  // 51, 26, 13, 7, 4
  CHECK(last_map(101, Settings::from({{"width", 0.25}, {"padding", "symmetric"}})) ==
        Shape{1, 256, 4, 4});
  CHECK(last_map(64, width(0.25)) == Shape{1, 256, 8, 8});
  CHECK(last_map(32, width(0.25)) == Shape{1, 256, 4, 4});
  CHECK(last_map(32, Settings::from({{"width", 0.25}, {"small_images", "no"}})) ==
        Shape{1, 256, 1, 1});
  CHECK(last_map(96, Settings::from({{"width", 0.25}, {"small_images", "yes"}})) ==
        Shape{1, 256, 12, 12});
}

TEST_CASE("mobilenet_v1: the network of MLPerf Tiny's visual wake words") {
  const auto network = build_model(
      "mobilenet_v1", Settings::from({{"width", 0.25}, {"activation", "relu"}}), images(96, 2));
  CHECK(testing::total_macs(trace(*network, 96)) == 7'489'664);
  for (BatchNorm* norm : batch_norms(*network))
    CHECK(norm->params().activation == Activation::relu);
}

TEST_CASE("mobilenet_v1: at least 8 channels; a width <= 0 is rejected") {
  const auto network = build_model("mobilenet_v1", width(0.1), images(32));
  CHECK(trace(*network, 32).front().weight == Shape{8, 3, 3, 3});
  Random random(1, "test");
  CHECK_THROWS_WITH_AS(mobilenet_v1({.width = -1.0}, random),
                       "model.width: expected a number > 0, got -1", std::invalid_argument);
}

TEST_CASE("mobilenet_v2: published counts, and the residual connections") {
  const auto network = build_model("mobilenet_v2", {}, images(224));
  const auto layers = trace(*network, 224);
  CHECK(of_convolutions(layers, weights) == 2'189'760);
  CHECK(layers.back().weight.numel() + 1000 == 1'281'000);
  CHECK(testing::parameter_count(*network) == 3'504'872);  // torchvision's
  CHECK(of_convolutions(layers, macs) == 299'494'272);
  CHECK(testing::output_of(layers, "block16.project.conv") == Shape{1, 320, 7, 7});
  std::string sums;
  for (const auto& [name, module] : network->modules())
    if (name.ends_with(".add")) sums += name.substr(5, name.size() - 9) + " ";
  CHECK(sums == "2 4 5 7 8 9 11 12 14 15 ");
}

TEST_CASE("mobilenet_v2: widths round to multiples of 8, not below 90 %") {
  const auto half = build_model("mobilenet_v2", width(0.5), images(32));
  CHECK(testing::parameter_count(*half) == 1'968'680);  // torchvision's
  const auto layers = trace(*build_model("mobilenet_v2", width(1.4), images(32)), 32);
  CHECK(layers.front().weight == Shape{48, 3, 3, 3});                 // 44.8
  CHECK(testing::output_of(layers, "block0.project.conv")[1] == 24);  // 22.4: 16 would be too few
  CHECK(testing::output_of(layers, "conv_last.conv")[1] == 1792);
  CHECK(testing::output_of(layers, "block16.project.conv") == Shape{1, 448, 4, 4});
}

TEST_CASE("mnasnet: published counts; the first activation is optional") {
  const auto network = build_model("mnasnet", {}, images(224));
  const auto layers = trace(*network, 224);
  CHECK(testing::parameter_count(*network) == 4'383'312);  // torchvision's
  CHECK(testing::total_macs(layers) == 314'415'872);
  CHECK(testing::output_of(layers, "block16.project.conv") == Shape{1, 320, 7, 7});
  CHECK(batch_norms(*network).front()->params().activation == Activation::relu);
  const auto fat = build_model("mnasnet", Settings::from({{"stem_relu", false}}), images(32));
  CHECK(batch_norms(*fat).front()->params().activation == Activation::none);
  CHECK(batch_norms(*fat)[1]->params().activation == Activation::relu);
}

TEST_CASE("mobile networks: the slots are registered in the order in which they run") {
  for (const char* name : {"mobilenet_v1", "mobilenet_v2", "mnasnet"}) {
    const auto network = build_model(name, width(0.25), images(32));
    const auto layers = trace(*network, 32);
    REQUIRE(layers.size() == network->quantized_layers().size());
    for (std::size_t i = 0; i < layers.size(); ++i)
      CHECK(network->quantized_layers()[i]->name() == layers[i].name);
  }
}

}  // namespace
}  // namespace quench::layers::models
