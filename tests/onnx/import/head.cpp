// A new last layer, for other classes than the graph's.

#include <stdexcept>

#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"
#include "layers/reference.h"
#include "onnx/import/graph.h"

using namespace quench;

namespace {

constexpr std::int64_t kClasses = 7;

std::unique_ptr<layers::Module> with_new_head(const quench::onnx::OnnxModel& model,
                                              std::uint64_t seed = 1) {
  Random random(seed, "initialization");
  layers::models::ModelInput data = quench::onnx::graph_input();
  data.classes = kClasses;
  auto network =
      quench::onnx::make_onnx_network(model, "net.onnx", data, {.replace_head = true}, random);
  network->set_training(false);
  return network;
}

/// Checks that the network has `kClasses` logits, a random weight in `head` and all other values of the file.
void check_head(const quench::onnx::OnnxModel& model, const std::string& head) {
  const auto before = quench::onnx::build(model), after = with_new_head(model);
  const NoGradGuard no_grad;
  const Tensor images = testing::random_tensor({2, 3, 9, 8}, 5);
  CHECK((*after)(Variable(images)).shape() == Shape{2, kClasses});
  const std::vector<layers::Parameter> old = before->parameters(), now = after->parameters();
  REQUIRE(now.size() == old.size());
  int changed = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    CAPTURE(now[i].name);
    CHECK(now[i].name == old[i].name);
    if (testing::same_bits(now[i].value.value(), old[i].value.value())) continue;
    ++changed;
    CHECK(now[i].value.shape()[0] == kClasses);
    CHECK(now[i].name.starts_with(head));
  }
  CHECK(changed >= 1);
  CHECK(testing::same_bits((*after)(Variable(images)).value(),
                           (*with_new_head(model))(Variable(images)).value()));
  CHECK_FALSE(testing::same_bits((*after)(Variable(images)).value(),
                                 (*with_new_head(model, 2))(Variable(images)).value()));
}

std::string refusal_of_head(const quench::onnx::OnnxModel& model) {
  try {
    with_new_head(model);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("head: a linear layer, through Softmax") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.node("GlobalAveragePool", {g.conv("images", 3, 5)})});
  const std::string logits =
      g.node("Gemm", {x, g.drawn({4, 5}), g.drawn({4})}, {{"transB", std::int64_t{1}}});
  check_head(g.finish(g.node("Softmax", {logits}, {{"axis", std::int64_t{1}}})), "n_Gemm_3");
}

TEST_CASE("head: a convolution before a pool, as in SqueezeNet, and a Reshape to the old classes") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Relu", {g.conv(g.conv("images", 3, 5), 5, 4, 1)});
  const std::string pooled = g.node("GlobalAveragePool", {x});
  check_head(g.finish(g.node("Reshape", {pooled, g.integers({2}, {-1, 4})})), "n_Conv_1");
}

TEST_CASE("head: a batch norm after it is reset") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.node("GlobalAveragePool", {g.conv("images", 3, 5)})});
  const std::string logits = g.node("Gemm", {x, g.drawn({5, 4})});
  const quench::onnx::OnnxModel& model = g.finish(g.batch_norm(logits, 4));
  CHECK((*with_new_head(model))(Variable(testing::random_tensor({2, 3, 9, 8}, 5))).shape() ==
        Shape{2, kClasses});
  CHECK(layers::batch_norms(*with_new_head(model))[0]->gain().shape() == Shape{kClasses});
}

TEST_CASE("head: rejected if other values are combined with the outputs") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 4);
  const std::string sum = g.node("Add", {x, g.conv("images", 3, 4)});
  CHECK(says(refusal_of_head(g.finish(g.node("GlobalAveragePool", {sum}))),
             "net.onnx: model.head = \"replace\": expected a layer with a weight, and only pools"));
  quench::onnx::GraphMaker without;
  CHECK(says(refusal_of_head(without.finish(without.node("GlobalAveragePool", {"images"}))),
             "expected a network with weights, got one without weights"));
}

TEST_CASE("head: a quantized graph keeps its grids, and therefore its last layer") {
  quench::onnx::GraphMaker g;
  const auto grid = [&](const std::string& x) {
    const std::string scale = g.floats({}, {0.05f}), zero = g.integers({}, {0});
    g.model.constants.back().type = quench::onnx::OnnxType::s8;
    g.model.constants.back().bytes = std::vector<std::byte>(1);
    return g.node("DequantizeLinear", {g.node("QuantizeLinear", {x, scale, zero}), scale, zero});
  };
  const std::string x = g.node("Flatten", {g.node("GlobalAveragePool", {grid("images")})});
  g.finish(g.node("Gemm", {grid(x), grid(g.drawn({3, 4}))}));
  CHECK(says(refusal_of_head(g.model), "got one with quantizers, whose grids fit its own weights"));
}
