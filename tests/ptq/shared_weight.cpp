// A weight that several layers share: passes that change a layer for its neighbours skip it and report
// that.

#include <doctest/doctest.h>

#include "layers/composite.h"
#include "layers/random_network.h"
#include "ptq/bias_correction.h"
#include "ptq/equalize.h"
#include "ptq/fold.h"
#include "ptq/reconstruction/reconstruct.h"

namespace quench::ptq {
namespace {

using testing::random_tensor;
using testing::same_bits;

/// conv1, then conv2 and conv3 with a shared weight, each with a batch norm.
std::unique_ptr<layers::Sequential> make_network() {
  Random random(1, "test");
  auto network = std::make_unique<layers::Sequential>();
  const auto norm = [&](const std::string& name) {
    network->append(name, std::make_shared<layers::BatchNorm>(4, BatchNormParams{}));
  };
  network->append("conv1", std::make_shared<layers::Conv2d>(
                               layers::Conv2dOptions{.in_channels = 3, .out_channels = 4}, random));
  norm("bn1");
  const layers::Conv2dOptions options{.in_channels = 4, .out_channels = 4};
  const auto first = network->append("conv2", std::make_shared<layers::Conv2d>(options, random));
  norm("bn2");
  network->append("conv3", std::make_shared<layers::Conv2d>(options, *first,
                                                            layers::QuantizedLayer::Bias::none));
  norm("bn3");
  testing::randomize(*network, 5);
  return network;
}

TEST_CASE("shared weight: its batch norms are not folded") {
  const auto network = make_network();
  const auto pairs = batch_norm_pairs(*network);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].layer->name() == "conv1");
}

TEST_CASE("shared weight: not equalized") {
  const auto network = make_network();
  const Tensor weight = network->quantized_layers()[1]->weight().value().clone();
  const EqualizationReport report = equalize(*network);
  CHECK(report.pairs.empty());
  const std::string conv2 = "the weight of conv2 is shared with other layers",
                    conv3 = "the weight of conv3 is shared with other layers";
  CHECK(report.excluded == std::vector<std::pair<std::string, std::string>>{
                               {"conv1", conv2}, {"conv2", conv2}, {"conv3", conv3}});
  CHECK(same_bits(network->quantized_layers()[1]->weight().value(), weight));
}

TEST_CASE("shared weight: biases are not corrected for the input of one use") {
  const auto network = make_network();
  for (layers::QuantizedLayer* layer : network->quantized_layers())
    if (layer->owns_weight())
      layer->set_weight_quantizer(testing::make_quantizer("ste", quant::Role::weight, 3));
  const BiasCorrectionReport report =
      correct_biases(*network, {random_tensor({4, 3, 9, 9}, 3)}, ExpectedInput::empirical);
  CHECK(report.corrected == std::vector<std::string>{"conv1"});
  const std::string reason = "its weight is shared with other layers";
  CHECK(report.skipped ==
        std::vector<std::pair<std::string, std::string>>{{"conv2", reason}, {"conv3", reason}});
}

TEST_CASE("shared weight: rejected by reconstruction, which chooses codes for one layer") {
  const auto network = make_network();
  for (layers::QuantizedLayer* layer : network->quantized_layers())
    if (layer->owns_weight() && layer->shares_weight())
      layer->set_weight_quantizer(testing::make_quantizer("symmetric", quant::Role::weight, 4));
  CHECK_THROWS_WITH_AS(
      reconstruct(*network, {.method = "gptq"}, random_tensor({4, 3, 9, 9}, 3), 1),
      doctest::Contains(
          "conv2: reconstruct: expected a weight that is not shared with other layers"),
      std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
