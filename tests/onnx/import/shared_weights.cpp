// Constants that are the weight of several nodes: one parameter, as for a torch.nn module that is
// applied twice.

#include <algorithm>

#include "deploy/deployed_checks.h"
#include "layers/attach_quantizers.h"
#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"
#include "onnx/export/export_float.h"
#include "onnx/import/graph.h"

using namespace quench;

namespace {

using Ints = std::vector<std::int64_t>;

std::vector<std::string> weights(layers::Module& network) {
  std::vector<std::string> names;
  for (const layers::Parameter& parameter : network.parameters())
    if (parameter.kind == layers::ParameterKind::weight) names.push_back(parameter.name);
  return names;
}

/// A convolution applied twice, each time with its own batch norm, then a linear layer.
quench::onnx::GraphMaker twice() {
  quench::onnx::GraphMaker g;
  const std::string weight = g.drawn({4, 4, 3, 3}), bias = g.drawn({4});
  const quench::onnx::OnnxAttributes same{{"pads", Ints{1, 1, 1, 1}}};
  std::string x = g.node("Relu", {g.conv("images", 3, 4)});
  for (int use = 0; use < 2; ++use)
    x = g.node("Relu", {g.batch_norm(g.node("Conv", {x, weight, bias}, same), 4)});
  g.classify_image(x, 4);
  return g;
}

}  // namespace

TEST_CASE("shared weights: a convolution applied twice is one weight and one bias") {
  const quench::onnx::OnnxModel model = twice().model;
  quench::onnx::check_network(model);
  const auto network = quench::onnx::build(model);
  CHECK(weights(*network) ==
        std::vector<std::string>{"n_Conv_0.weight", "n_Conv_2.weight", "n_Gemm_10.weight"});
  const auto layers = network->quantized_layers();
  REQUIRE(layers.size() == 4);
  CHECK(&layers[2]->weight_owner() == layers[1]);
  CHECK(layers[2]->bias().slot() == layers[1]->bias().slot());
}

TEST_CASE("shared weights: batch norms stay if each would fold into another weight") {
  const quench::onnx::OnnxModel model = twice().model;
  const quench::onnx::OnnxNetworkOptions fold{.fold_batch_norm = true};
  quench::onnx::check_network(model, fold);
  CHECK(layers::batch_norms(*quench::onnx::build(model, fold)).size() == 2);
}

TEST_CASE("shared weights: random ones are shared, too") {
  const auto network = quench::onnx::build(twice().model, {.random_weights = true});
  CHECK(weights(*network).size() == 3);
}

TEST_CASE(
    "shared weights: read through Identity and equal Transposes, at any stride, next to own "
    "biases") {
  quench::onnx::GraphMaker g;
  const std::string weight = g.drawn({3, 3, 3, 3});
  std::string x = g.node("Conv", {"images", weight, g.drawn({3})}, {{"pads", Ints{1, 1, 1, 1}}});
  x = g.node("Conv", {x, g.node("Identity", {weight}), g.drawn({3})}, {{"dilations", Ints{2, 2}}});
  x = g.node("Conv", {g.node("Relu", {x}), weight}, {{"strides", Ints{2, 2}}});
  x = g.node("Flatten", {g.node("GlobalAveragePool", {x})});
  const std::string matrix = g.drawn({3, 3}), last = g.drawn({4, 3});
  for (int use = 0; use < 2; ++use)
    x = g.node("Relu",
               {g.node("MatMul", {x, g.node("Transpose", {matrix}, {{"perm", Ints{1, 0}}})})});
  x = g.node("Gemm", {x, last}, {{"transB", std::int64_t{1}}});
  quench::onnx::check_network(g.finish(x));
  const auto network = quench::onnx::build(g.model);
  CHECK(weights(*network).size() == 3);
  const auto layers = network->quantized_layers();
  CHECK(&layers[2]->weight_owner() == layers[0]);
  CHECK(layers[1]->bias().slot() != layers[0]->bias().slot());
  CHECK_FALSE(layers[2]->bias().defined());
}

TEST_CASE("shared weights: a constant used with another order or factor is not shared") {
  quench::onnx::GraphMaker g;
  const std::string matrix = g.drawn({3, 3});
  std::string x = g.node("Flatten", {g.node("GlobalAveragePool", {"images"})});
  x = g.node("Gemm", {x, matrix}, {{"transB", std::int64_t{1}}});
  x = g.node("Gemm", {x, matrix}, {{"transB", std::int64_t{0}}});
  x = g.node("Gemm", {x, matrix}, {{"transB", std::int64_t{1}}, {"alpha", 0.5f}});
  quench::onnx::check_network(g.classify(x, 3));
  CHECK(weights(*quench::onnx::build(g.model)).size() == 4);
}

TEST_CASE("shared weights: integers match evaluation, with a grid for each use's input") {
  constexpr std::int64_t kSide = 9;
  quench::onnx::OnnxModel model = twice().model;
  model.input.dims[3] = kSide;
  Random random(1, "initialization");
  const auto network =
      quench::onnx::make_onnx_network(model, "net.onnx", {3, kSide, kSide, 4}, {}, random);
  layers::attach_quantizers(
      *network, quant::Policy(Settings::from(
                    {{"method", "symmetric"},
                     {"bits", 8},
                     {"pool", Settings::from({{"method", "symmetric"}, {"bits", 8}})}})));
  {
    const NoGradGuard no_grad;
    network->set_quantizer_mode(quant::Mode::training);
    (*network)(Variable(testing::random_tensor({4, 3, kSide, kSide}, 3)));
  }
  network->set_quantizer_mode(quant::Mode::evaluation);
  const auto layers = network->quantized_layers();
  CHECK(layers[1]->input_quantizer().grid().scale != layers[2]->input_quantizer().grid().scale);
  testing::check_engine(testing::check_evaluation(*network, kSide));
}

TEST_CASE("shared weights: a float export has the weight once and reads back as one") {
  const auto network = quench::onnx::build(twice().model);
  const quench::onnx::OnnxModel exported = quench::onnx::export_float(*network, {1, 3, 9, 8}, {});
  CHECK(std::ranges::count(exported.constants, "n_Conv_2.weight",
                           &quench::onnx::OnnxTensor::name) == 1);
  CHECK(std::ranges::count(exported.constants, "n_Conv_4.weight",
                           &quench::onnx::OnnxTensor::name) == 0);
  CHECK(weights(*quench::onnx::build(exported)).size() == 3);
}
