#include "layers/graph.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/activation.h"
#include "layers/add.h"
#include "layers/scale_shift.h"

namespace quench {
namespace {

std::shared_ptr<Module> times(float factor) {
  return std::make_shared<ScaleShift>(Tensor::full({1}, factor), Tensor{});
}

TEST_CASE("Graph: values go to all their readers, in any way that has an order") {
  Graph graph;
  const auto doubled = graph.append("doubled", times(2.0f), {Graph::kInput});
  const auto tenfold = graph.append("tenfold", times(10.0f), {Graph::kInput});
  const auto sum = graph.append("sum", std::make_shared<Add>(), {tenfold, doubled});
  graph.append("unread", times(0.0f), {sum});
  graph.finish(graph.append("all", std::make_shared<Add>(), {sum, Graph::kInput}));
  const Variable input(Tensor::full({1, 1}, 3.0f), true);
  const Variable output = graph(input);
  CHECK(output.value().item() == 39.0f);
  output.backward();
  CHECK(input.grad().item() == 13.0f);
  CHECK(graph.parameters()[0].name == "doubled.scale");
}

TEST_CASE("Graph: inputs have to be there already") {
  Graph graph;
  CHECK_THROWS_AS(graph.append("later", times(1.0f), {1}), std::logic_error);
  CHECK_THROWS_AS(graph.append("none", times(1.0f), {}), std::logic_error);
  CHECK_THROWS_AS(graph.finish(1), std::logic_error);
}

}  // namespace
}  // namespace quench
