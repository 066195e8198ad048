#include "layers/composite.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/activation.h"
#include "layers/arithmetic.h"

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

}  // namespace
}  // namespace quench::layers
