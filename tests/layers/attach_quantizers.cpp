#include "layers/attach_quantizers.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/models/binarynet.h"
#include "layers/quantized_layer.h"

namespace quench::layers {
namespace {

TEST_CASE("attach_quantizers: fills every slot, with the rules for the first and last layer") {
  Random random(1, "test");
  const auto network = models::binarynet({.width = 1.0 / 64}, random);
  attach_quantizers(
      *network,
      quant::Policy(Settings::from(
          {{"method", "ste"},
           {"bits", 4},
           {"first_layer", Settings::from({{"activation", Settings::from({{"method", "none"}})}})},
           {"last_layer", Settings::from({{"bits", 8}})}})));
  for (QuantizedLayer* layer : network->quantized_layers()) {
    CAPTURE(layer->name());
    CHECK(layer->weight_quantizer().quantizes());
    CHECK(layer->weight_quantizer().slot() == layer->name() + ".weight");
    CHECK(layer->weight_quantizer().bits() == (layer->name() == "fc9" ? 8 : 4));
    CHECK(layer->input_quantizer().quantizes() == (layer->name() != "conv1"));
  }
}

TEST_CASE(
    "quantization_notes: rules for missing modules, and method none with rules that quantize") {
  const auto notes = [](const Settings& quant) {
    Random random(1, "test");
    const auto network = models::binarynet({.width = 1.0 / 64}, random);
    attach_quantizers(*network, quant::Policy(quant));
    return quantization_notes(*network, quant);
  };
  const auto image = Settings::from({{"activation", Settings::from({{"method", "affine"}})}});
  CHECK(notes(Settings::from({{"method", "ste"}, {"first_layer", image}})).empty());
  CHECK(notes(Settings::from({{"method", "none"}})).empty());
  CHECK(
      notes(Settings::from({{"method", "ste"}, {"residual", Settings()}, {"pool", Settings()}})) ==
      std::vector<std::string>{
          "quant.residual: the network has no residual sums, so this rule has no effect",
          "quant.pool: the network has no average pools, so this rule has no effect"});
  CHECK(notes(Settings::from({{"method", "none"}, {"first_layer", image}})) ==
        std::vector<std::string>{"quant.method is \"none\", but another rule quantizes conv1; "
                                 "quant.method = \"float\" quantizes nothing"});
}

TEST_CASE("attach_quantizers: the error for a rule without a layer lists the layers") {
  Random random(1, "test");
  const auto network = models::binarynet({.width = 1.0 / 64}, random);
  const auto rule = Settings::from({{"match", "konv?"}, {"bits", 2}});
  CHECK_THROWS_WITH_AS(
      attach_quantizers(*network,
                        quant::Policy(Settings::from({{"override", SettingsValue::List{rule}}}))),
      doctest::Contains("conv1, conv2"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
