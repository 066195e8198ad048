#include "layers/composite.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

std::shared_ptr<Module> times(float factor) {
  return std::make_shared<ScaleShift>(Tensor::full({1}, factor), Tensor{});
}

TEST_CASE("Composite: values go to all their readers, in any acyclic order") {
  Composite network;
  const auto doubled = network.append("doubled", times(2.0f), {Graph::kInput});
  const auto tenfold = network.append("tenfold", times(10.0f), {Graph::kInput});
  const auto sum = network.append("sum", std::make_shared<Add>(), {tenfold, doubled});
  network.append("unread", times(0.0f), {sum});
  network.set_output(network.append("all", std::make_shared<Add>(), {sum, Graph::kInput}));
  const Variable input(Tensor::full({1, 1}, 3.0f), true);
  const Variable output = network(input);
  CHECK(output.value().item() == 39.0f);
  output.backward();
  CHECK(input.grad().item() == 13.0f);
  CHECK(network.parameters()[0].name == "doubled.scale");
}

TEST_CASE("Composite: a module replaces another under its name") {
  Composite network;
  const auto tripled = network.append("tripled", times(3.0f), {Graph::kInput});
  network.set_output(network.append("doubled", times(2.0f), {tripled}));
  network.replace("tripled", times(5.0f));
  CHECK(network(Variable(Tensor::full({1, 1}, 1.0f))).value().item() == 10.0f);
  CHECK(network.parameters()[0].name == "tripled.scale");
  CHECK(network.parameters().size() == 2);
  CHECK_THROWS_AS(network.replace("halved", times(0.5f)), std::logic_error);
}

TEST_CASE("Composite: inputs must already exist") {
  Composite network;
  CHECK_THROWS_AS(network.append("later", times(1.0f), {1}), std::logic_error);
  CHECK_THROWS_AS(network.append("none", times(1.0f), {}), std::logic_error);
  CHECK_THROWS_AS(network.set_output(1), std::logic_error);
}

TEST_CASE("Sequential: append makes modules in place, from their options or without") {
  Random random(1, "test");
  Sequential network;
  const auto conv = network.append<Conv2d>("conv", {.in_channels = 2, .out_channels = 3}, random);
  CHECK(network.append<MaxPool2d>("pool", {.kernel = {2, 2}, .stride = {2, 2}})->name() == "pool");
  network.append<BatchNorm>("bn", {.channels = 3});
  network.append<Flatten>("flatten");
  network.append<Linear>("fc", {.in_features = 3 * 2 * 2, .out_features = 5}, random);
  CHECK(conv->options().out_channels == 3);
  // [1, 2, 6, 6] to [1, 3, 4, 4] to [1, 3, 2, 2] to [1, 12] to [1, 5].
  CHECK(network(Variable(Tensor::full({1, 2, 6, 6}, 1.0f))).value().shape() == Shape{1, 5});
  CHECK(network.parameters()[0].name == "conv.weight");
}

}  // namespace
}  // namespace quench::layers
