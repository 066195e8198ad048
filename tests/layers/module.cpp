#include "layers/module.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/trainable_scale.h"

namespace quench::layers {
namespace {

std::shared_ptr<Linear> linear(std::int64_t in, std::int64_t out, bool bias = false) {
  Random random(1, "test");
  return std::make_shared<Linear>(
      LinearOptions{.in_features = in, .out_features = out, .bias = bias}, random);
}

/// stem, block (fc, bn), head: one level of nesting.
std::unique_ptr<Sequential> nested() {
  auto network = std::make_unique<Sequential>();
  network->append("stem", linear(2, 3));
  const auto block = network->append("block", std::make_shared<Sequential>());
  block->append("fc", linear(3, 4));
  block->append("bn", std::make_shared<BatchNorm>(4, BatchNormParams{}));
  network->append("head", linear(4, 2, true));
  return network;
}

template <typename Entries>
std::vector<std::string> names(const Entries& entries) {
  std::vector<std::string> result;
  for (const auto& entry : entries) result.push_back(entry.name);
  return result;
}
using Names = std::vector<std::string>;

class OrderRecorder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs, const Variable&) override {
    order.push_back(module.name());
  }
  Names order;
};

TEST_CASE("module: parameters, buffers and inner modules have dotted names, in order") {
  const auto network = nested();
  CHECK(names(network->parameters()) == Names{"stem.weight", "block.fc.weight", "block.bn.weight",
                                              "block.bn.bias", "head.weight", "head.bias"});
  CHECK(names(network->buffers()) == Names{"block.bn.running_mean", "block.bn.running_var"});
  CHECK(names(network->buffers()).size() == 2);
  Names modules;
  for (const auto& [name, module] : network->modules()) {
    modules.push_back(name);
    CHECK(module->name() == name);
  }
  CHECK(modules == Names{"", "stem", "block", "block.fc", "block.bn", "head"});
}

TEST_CASE("module: a block that is filled before it is added gets its names, too") {
  const auto block = std::make_shared<Sequential>();
  block->append("fc", linear(1, 1));
  Sequential network;
  network.append("late", block);
  CHECK(names(network.parameters()) == Names{"late.fc.weight"});
  CHECK(names(block->parameters()) == Names{"late.fc.weight"});
}

TEST_CASE("module: kinds, and a weight's quantizer") {
  const auto network = nested();
  const auto parameters = network->parameters();
  using enum ParameterKind;
  const std::vector<ParameterKind> kinds{weight, weight, norm, norm, weight, bias};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    CAPTURE(parameters[i].name);
    CHECK(parameters[i].kind == kinds[i]);
    CHECK((parameters[i].quantizer != nullptr) == (kinds[i] == weight));
  }
  CHECK(parameters[1].quantizer == &network->quantized_layers()[1]->weight_quantizer());
}

TEST_CASE("module: a parameter is a handle to the layer's tensor") {
  const auto network = nested();
  network->parameters()[5].value.mutable_value().data()[1] = 7.0f;
  network->parameters()[0].value.mutable_value().copy_from(Tensor::zeros({3, 2}));
  network->set_training(false);
  // Zeros reach the head through every layer: batch norm has its initial statistics.
  const Tensor output = (*network)(Variable(Tensor::full({1, 2}, 1.0f))).value();
  CHECK(output.to_row_major() == std::vector<float>{0.0f, 7.0f});
}

TEST_CASE("module: a trained value of a quantizer is a parameter of its slot") {
  const auto network = nested();
  network->quantized_layers()[1]->set_input_quantizer(std::make_unique<testing::TrainableScale>());
  const auto parameters = network->parameters();
  REQUIRE(parameters.size() == 7);
  CHECK(parameters[2].name == "block.fc.input_quantizer.scale");
  CHECK(parameters[2].kind == ParameterKind::quantizer);
  CHECK(parameters[2].quantizer == nullptr);
}

TEST_CASE("module: names are unique, and a module has one parent") {
  Sequential network;
  network.append("a", linear(1, 1));
  CHECK_THROWS_WITH_AS(network.append("a", linear(1, 1)), "module: the name a is registered twice",
                       std::logic_error);
  CHECK_THROWS_AS(network.append("", linear(1, 1)), std::logic_error);
  CHECK_THROWS_WITH_AS(network.append("a.b", linear(1, 1)),
                       "module: expected a name without dots, got \"a.b\"", std::logic_error);
  const auto shared = network.append("shared", linear(1, 1));
  Sequential other;
  CHECK_THROWS_WITH_AS(other.append("again", shared),
                       "module again: expected a module that is not part of another, got shared",
                       std::logic_error);
}

TEST_CASE("module: set_training and set_quantizer_mode reach every level") {
  const auto network = nested();
  network->set_training(false);
  for (const auto& [name, module] : network->modules()) CHECK_FALSE(module->training());
  network->set_training(true);
  for (const auto& [name, module] : network->modules()) CHECK(module->training());

  network->set_quantizer_mode(quant::Mode::bypass);
  for (QuantizedLayer* layer : network->quantized_layers()) {
    CHECK(layer->input_quantizer().mode() == quant::Mode::bypass);
    CHECK(layer->weight_quantizer().mode() == quant::Mode::bypass);
  }
}

TEST_CASE("module: quantized layers in order of registration") {
  const auto network = nested();
  Names order;
  for (QuantizedLayer* layer : network->quantized_layers()) order.push_back(layer->name());
  CHECK(order == Names{"stem", "block.fc", "head"});
}

TEST_CASE("module: only the innermost observer is notified of each module that has run") {
  const auto network = nested();
  const Variable input(Tensor::full({2, 2}, 1.0f));
  OrderRecorder outer;
  {
    OrderRecorder inner;
    (*network)(input);
    CHECK(inner.order == Names{"stem", "block.fc", "block.bn", "block", "head", ""});
  }
  CHECK(outer.order.empty());
  (*network)(input);
  CHECK(outer.order.size() == 6);
}

}  // namespace
}  // namespace quench::layers
