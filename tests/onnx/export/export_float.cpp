#include "onnx/export/export_float.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "deploy/composed_networks.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/random_network.h"
#include "layers/shape_layers.h"

using namespace quench;
using namespace quench::onnx;

TEST_CASE("export_float: a linear layer after Flatten gets ONNX's order of an image") {
  Random random(1, "test");
  layers::Sequential network;
  network.append("flatten", std::make_shared<layers::Flatten>());
  const auto linear = network.append(
      "fc", std::make_shared<layers::Linear>(
                layers::LinearOptions{.in_features = 2 * 3 * 4, .out_features = 5}, random));
  testing::randomize(network, 3);
  network.set_training(false);
  const OnnxModel model = export_float(network, {1, 2, 3, 4}, std::nullopt);

  const auto weight = std::ranges::find(model.constants, "fc.weight", &OnnxTensor::name);
  REQUIRE(weight != model.constants.end());
  CHECK(weight->dims == std::vector<std::int64_t>{5, 2, 3, 4});
  std::vector<float> values(5 * 24);
  REQUIRE(weight->bytes.size() == values.size() * sizeof(float));
  std::memcpy(values.data(), weight->bytes.data(), weight->bytes.size());

  // ONNX's order: channels, rows and columns of an image [C, H, W].
  const Tensor image = testing::random_tensor({1, 2, 3, 4}, 7);
  const std::vector<float> pixels = image.to_row_major();
  const Tensor logits = network(Variable(image)).value();
  for (std::size_t o = 0; o < 5; ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i < 24; ++i) sum += double{values[o * 24 + i]} * double{pixels[i]};
    CHECK(logits.data()[o] == doctest::Approx(sum).epsilon(1e-5));
  }
}

namespace {

/// The operators of a graph, in its order.
std::vector<std::string> operators(layers::Module& network, const Shape& image) {
  network.set_training(false);
  std::vector<std::string> result;
  for (const OnnxNode& node : export_float(network, image, std::nullopt).nodes)
    result.push_back(node.op);
  return result;
}

}  // namespace

TEST_CASE("export_float: functions in ONNX's form") {
  layers::Sequential network;
  const auto append = [&](const char* name, const Pointwise& function) {
    network.append(name, std::make_shared<layers::PointwiseFunction>(function));
  };
  append("leaky", Pointwise::leaky_relu(0.2f));
  append("gate", Pointwise::hard_sigmoid(0.25f, 0.75f));
  append("swish", Pointwise(Pointwise::Kind::hard_swish));
  append("sigmoid", Pointwise(Pointwise::Kind::sigmoid));
  append("clip", Pointwise::clip(-1.0f, ActivationRange::kUnbounded));
  network.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(operators(network, {1, 2, 3, 3}) ==
        std::vector<std::string>{"LeakyRelu", "HardSigmoid", "HardSigmoid", "Mul", "Sigmoid",
                                 "Clip", "GlobalAveragePool", "Flatten"});
  const OnnxModel model = export_float(network, {1, 2, 3, 3}, std::nullopt);
  CHECK(std::get<float>(model.nodes[0].attributes.at("alpha")) == 0.2f);
  CHECK(std::get<float>(model.nodes[1].attributes.at("beta")) == 0.75f);
  CHECK(std::get<float>(model.nodes[2].attributes.at("alpha")) == 1.0f / 6.0f);
  CHECK(model.nodes[5].inputs[2].empty());  // no upper bound
}

TEST_CASE("export_float: a composed network, node by node") {
  const auto network = testing::mixed_network();
  CHECK(operators(*network, {1, 3, testing::kComposedSide, testing::kComposedSide}) ==
        std::vector<std::string>{"Mul",       "Add",  "Pad",    "Conv",
                                 "LeakyRelu", "Mul",  "Pad",    "AveragePool",
                                 "Add",       "Clip", "Concat", "MaxPool",
                                 "Mul",       "Add",  "Conv",   "Clip",
                                 "Mul",       "Add",  "Conv",   "BatchNormalization",
                                 "Sigmoid",   "Conv", "Mul",    "Flatten"});
}

TEST_CASE("export_float: per-element parameters of a flattened image are rejected") {
  layers::Sequential network;
  network.append("flatten", std::make_shared<layers::Flatten>());
  network.append("scale", std::make_shared<layers::ScaleShift>(Tensor::full({18}, 2.0f), Tensor()));
  network.set_training(false);
  CHECK_THROWS_WITH_AS(export_float(network, {1, 2, 3, 3}, std::nullopt),
                       doctest::Contains("onnx: scale has 18 values for a flattened image of 2"),
                       std::invalid_argument);
}
