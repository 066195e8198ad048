#include <doctest/doctest.h>
#include <fmt/format.h>

#include <stdexcept>

#include "layers/arithmetic.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/models/binarynet.h"
#include "layers/models/mobilenet_v2.h"
#include "layers/models/resnet8.h"
#include "ptq/reconstruction/units.h"

namespace quench::ptq {
namespace {

using Names = std::vector<std::string>;

std::unique_ptr<layers::Module> quantized(std::unique_ptr<layers::Module> network) {
  layers::attach_quantizers(*network,
                            quant::Policy(Settings::from({{"method", "lsq"}, {"bits", 4}})));
  return network;
}

std::unique_ptr<layers::Module> small_resnet8() {
  Random random(1, "test");
  return quantized(layers::models::resnet8({.width = 0.25}, random));
}

Names unit_names(const std::vector<ReconstructionUnit>& units) {
  Names names;
  for (const ReconstructionUnit& unit : units) names.push_back(unit.name());
  return names;
}

/// Units cover the nodes of a graph in order, and the last computes its output.
void check_cover(const layers::Graph& graph, const std::vector<ReconstructionUnit>& units) {
  std::size_t next = 0;
  for (const ReconstructionUnit& unit : units) {
    CHECK(unit.begin == next);
    CHECK_FALSE(unit.outputs.empty());
    next = unit.end;
  }
  CHECK(next == graph.nodes().size());
  CHECK(units.back().outputs == std::vector<layers::ValueId>{graph.output()});
}

TEST_CASE("block units: the residual blocks of a ResNet, its first and its last layer") {
  const auto network = small_resnet8();
  const layers::Graph graph(*network);
  const auto units = block_units(graph, *network);
  CHECK(unit_names(units) == Names{"conv1", "stack1.conv1 to stack1.conv2",
                                   "stack2.conv1 to stack2.shortcut",
                                   "stack3.conv1 to stack3.shortcut", "fc"});
  check_cover(graph, units);
  // A block ends after its sum; the pool after the last one belongs to it.
  for (std::size_t k = 1; k < 3; ++k) {
    REQUIRE(units[k].outputs.size() == 1);
    CHECK(graph.writer(units[k].outputs[0])->inputs.size() == 2);
  }
}

TEST_CASE("layer units: one per layer, with the following nodes; another branch may be pending") {
  const auto network = small_resnet8();
  const layers::Graph graph(*network);
  const auto units = layer_units(graph);
  CHECK(units.size() == network->quantized_layers().size());
  check_cover(graph, units);
  for (const ReconstructionUnit& unit : units) CHECK(unit.layers.size() == 1);
  // stack1.conv2 ends after the sum with the block's input.
  CHECK(units[2].name() == "stack1.conv2");
  CHECK(graph.writer(units[2].outputs.at(0))->inputs.size() == 2);
}

TEST_CASE("block units: a network without branches has one unit per layer") {
  Random random(1, "test");
  const auto network = quantized(layers::models::binarynet({.width = 1.0 / 64}, random));
  const layers::Graph graph(*network);
  CHECK(unit_names(block_units(graph, *network)) == unit_names(layer_units(graph)));
}

TEST_CASE("block units: an inverted residual of MobileNet v2, with a shortcut or without") {
  Random random(1, "test");
  const auto network = quantized(layers::models::mobilenet_v2(
      {.input = {.height = 32, .width = 32, .classes = 10}, .width = 0.125, .small_images = true},
      random));
  const layers::Graph graph(*network);
  const auto units = block_units(graph, *network);
  check_cover(graph, units);
  Names wanted{"conv1.conv", "block0.dw.conv to block0.project.conv"};
  for (int i = 1; i <= 16; ++i)
    wanted.push_back(fmt::format("block{0}.expand.conv to block{0}.project.conv", i));
  wanted.insert(wanted.end(), {"conv_last.conv", "fc"});
  CHECK(unit_names(units) == wanted);
}

TEST_CASE("block units: more than six layers between cuts are layer units") {
  Random random(1, "test");
  layers::Composite network;
  layers::ValueId value = layers::Graph::kInput;
  for (int i = 0; i < 7; ++i)
    value = network.append("conv" + std::to_string(i),
                           std::make_shared<layers::Conv2d>(
                               layers::Conv2dOptions{.in_channels = 3, .out_channels = 3}, random),
                           {i == 0 ? layers::Graph::kInput : value});
  network.set_output(network.append("add", std::make_shared<layers::Add>(Activation::none),
                                    {layers::Graph::kInput, value}));
  layers::attach_quantizers(network, quant::Policy(Settings::from({{"method", "lsq"}})));
  const layers::Graph graph(network);
  const auto units = block_units(graph, network);
  CHECK(units.size() == 7);
  check_cover(graph, units);
}

TEST_CASE("units: float layers belong to the previous unit; a float network is an error") {
  Random random(1, "test");
  const auto network = layers::models::resnet8({.width = 0.25}, random);
  CHECK_THROWS_WITH_AS(layer_units(layers::Graph(*network)), doctest::Contains("quantized weights"),
                       std::invalid_argument);
  const Settings none = Settings::from({{"method", "none"}});
  layers::attach_quantizers(*network,
                            quant::Policy(Settings::from(
                                {{"method", "lsq"}, {"first_layer", none}, {"last_layer", none}})));
  const layers::Graph graph(*network);
  const auto units = layer_units(graph);
  CHECK(units.front().name() == "stack1.conv1");
  check_cover(graph, units);
}

}  // namespace
}  // namespace quench::ptq
