#include "ptq/search/tied_layers.h"

#include <doctest/doctest.h>

#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/models/cifar_resnet.h"
#include "layers/models/mobilenet_v2.h"
#include "layers/models/resnet.h"
#include "layers/models/resnet8.h"

namespace quench::ptq {
namespace {

using Names = std::vector<std::string>;

/// The groups of more than one layer.
std::vector<Names> ties_of(layers::Module& network) {
  std::vector<Names> ties;
  std::size_t layers = 0;
  for (const auto& group : tied_layers(layers::Graph(network))) {
    layers += group.size();
    if (group.size() < 2) continue;
    Names names;
    for (const layers::QuantizedLayer* layer : group) names.push_back(layer->name());
    ties.push_back(names);
  }
  CHECK(layers == network.quantized_layers().size());
  return ties;
}

TEST_CASE(
    "tied layers: a block's first convolution, its shortcut's, and what the sum adds to that") {
  Random random(1, "test");
  CHECK(ties_of(*layers::models::resnet8({.width = 0.25}, random)) ==
        std::vector<Names>{{"stack2.conv1", "stack2.conv2", "stack2.shortcut"},
                           {"stack3.conv1", "stack3.conv2", "stack3.shortcut"}});
  const auto resnet18 = layers::models::resnet18(
      {.input = {.height = 32, .width = 32, .classes = 10}, .small_images = true}, random);
  CHECK(ties_of(*resnet18) ==
        std::vector<Names>{{"layer2.0.conv1", "layer2.0.conv2", "layer2.0.shortcut.conv"},
                           {"layer3.0.conv1", "layer3.0.conv2", "layer3.0.shortcut.conv"},
                           {"layer4.0.conv1", "layer4.0.conv2", "layer4.0.shortcut.conv"}});
}

TEST_CASE("tied layers: shortcuts without layers tie nothing") {
  Random random(1, "test");
  CHECK(ties_of(*layers::models::cifar_resnet({.width = 0.25}, random)).empty());
  CHECK(ties_of(*layers::models::mobilenet_v2({.width = 0.25}, random)).empty());
}

TEST_CASE("tied layers: layers that use one weight, and layers that read one value") {
  layers::Composite network;
  Random random(1, "test");
  const layers::LinearOptions size{.in_features = 4, .out_features = 4};
  const auto first = std::make_shared<layers::Linear>(size, random);
  const auto a = network.append("first", first, {layers::Graph::kInput});
  const auto b = network.append("free", std::make_shared<layers::Linear>(size, random), {a});
  const auto again =
      std::make_shared<layers::Linear>(size, *first, layers::QuantizedLayer::Bias::none);
  const auto c = network.append("again", again, {b});
  network.append("left", std::make_shared<layers::Linear>(size, random), {c});
  network.set_output(network.append("right", std::make_shared<layers::Linear>(size, random), {c}));
  CHECK(ties_of(network) == std::vector<Names>{{"first", "again"}, {"left", "right"}});
}

}  // namespace
}  // namespace quench::ptq
