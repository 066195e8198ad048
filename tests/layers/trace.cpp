#include <doctest/doctest.h>

#include <limits>

#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/linear.h"
#include "layers/reference.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

std::unique_ptr<Sequential> make_network() {
  Random random(1, "test");
  auto network = std::make_unique<Sequential>();
  network->append("conv",
                  std::make_shared<Conv2d>(Conv2dOptions{.in_channels = 4,
                                                         .out_channels = 6,
                                                         .params = {.stride = {2, 2}, .groups = 2}},
                                           random));
  network->append("flatten", std::make_shared<Flatten>());
  network->append(
      "fc", std::make_shared<Linear>(LinearOptions{.in_features = 24, .out_features = 5}, random));
  return network;
}

void poke_nan(Module& network, std::size_t parameter) {
  Tensor weight = network.parameters()[parameter].value.value();
  weight.data()[3] = std::numeric_limits<float>::quiet_NaN();
  weight.bump_version();
}

TEST_CASE("trace_layers: shapes and multiply-accumulates of one image; modes do not change") {
  const auto network = make_network();
  network->set_training(false);
  network->set_quantizer_mode(quant::Mode::evaluation);
  const auto layers = trace_layers(*network, {1, 4, 5, 5});
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].name == "conv");
  CHECK(layers[0].input == Shape{1, 4, 5, 5});
  CHECK(layers[0].output == Shape{1, 6, 2, 2});
  CHECK(layers[0].weight == Shape{6, 2, 3, 3});
  CHECK(layers[0].macs == 24 * 18);  // each output element sees one group of two channels
  CHECK(layers[1].macs == 24 * 5);
  CHECK_FALSE(network->training());
  CHECK(network->quantized_layers()[0]->weight_quantizer().mode() == quant::Mode::evaluation);
}

TEST_CASE("first_non_finite: the first layer whose output contains NaN") {
  const auto network = make_network();
  const Tensor images = testing::random_tensor({1, 4, 5, 5}, 2);
  CHECK(first_non_finite(*network, images).empty());
  poke_nan(*network, 1);
  CHECK(first_non_finite(*network, images) == "fc");
  poke_nan(*network, 0);
  CHECK(first_non_finite(*network, images) == "conv");
}

TEST_CASE("first_non_finite: a quantizer that refuses NaN does not hide where it came from") {
  const auto network = make_network();
  network->quantized_layers()[1]->set_input_quantizer(
      testing::make_quantizer("ste", quant::Role::activation, 4));
  poke_nan(*network, 0);
  CHECK(first_non_finite(*network, testing::random_tensor({1, 4, 5, 5}, 2)) == "conv");
}

}  // namespace
}  // namespace quench::layers
