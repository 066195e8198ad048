#include "layers/quantize.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/models/binarynet.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

TEST_CASE("quantize: fills every slot, with the rules of first and last where they belong") {
  Random random(1, "test");
  const auto network = models::binarynet({.width = 1.0 / 64}, random);
  quantize(
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

TEST_CASE("quantize: a rule for no layer names the layers there are") {
  Random random(1, "test");
  const auto network = models::binarynet({.width = 1.0 / 64}, random);
  const auto rule = Settings::from({{"match", "konv?"}, {"bits", 2}});
  CHECK_THROWS_WITH_AS(
      quantize(*network, quant::Policy(Settings::from({{"override", SettingsValue::List{rule}}}))),
      doctest::Contains("conv1, conv2"), std::invalid_argument);
}

}  // namespace
}  // namespace quench
