#include "layers/graph.h"

#include <doctest/doctest.h>

#include <array>
#include <map>

#include "layers/activation.h"
#include "layers/composite.h"
#include "layers/models/registry.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

/// Records the inputs and output of each module without inner modules during a run.
class Recorder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs inputs, const Variable& output) override {
    Run& run = runs[&module];
    for (const Variable& input : inputs) run.inputs.push_back(input.value());
    run.output = output.value();
    order.push_back(&module);
  }
  struct Run {
    std::vector<Tensor> inputs;
    Tensor output;
  };
  std::map<const Module*, Run> runs;
  std::vector<const Module*> order;
};

bool same(const Tensor& a, const Tensor& b) {
  return a.shares_storage_with(b) && a.shape() == b.shape() && a.bytes_begin() == b.bytes_begin();
}

TEST_CASE("Graph: each model's wiring, order and shapes are those of a run") {
  for (const models::ModelInfo& model : models::registered_models()) {
    CAPTURE(model.name);
    const std::int64_t side = model.name == "cnv" ? 32 : 64;
    Settings settings;
    Random random(1, "test");
    const auto network =
        models::make_model(model.name, settings,
                           {.channels = 3, .height = side, .width = side, .classes = 10}, random);
    const Shape image{1, 3, side, side};
    const NoGradGuard no_grad;
    const ModeGuard modes(*network, false, quant::Mode::bypass);
    Recorder recorder;
    const Tensor images = Tensor::zeros(image);
    const Tensor output = (*network)(Variable(images)).value();

    const Graph graph(*network);
    const std::vector<Shape> shapes = value_shapes(graph, image);
    std::vector<Tensor> values{images};
    auto next = recorder.order.begin();
    for (const Graph::Node& node : graph.nodes()) {
      next = std::find(next, recorder.order.end(), node.module);
      REQUIRE(next != recorder.order.end());
      const Recorder::Run& run = recorder.runs.at(node.module);
      REQUIRE(run.inputs.size() == node.inputs.size());
      for (std::size_t i = 0; i < node.inputs.size(); ++i)
        CHECK(same(run.inputs[i], values[node.inputs[i]]));
      CHECK(run.output.shape() == shapes[node.output]);
      values.push_back(run.output);
    }
    CHECK(same(output, values[graph.output()]));
    std::size_t layers = 0;
    for (const Graph::Node& node : graph.nodes())
      layers += node.module->as_quantized_layer() != nullptr ? 1 : 0;
    CHECK(layers == network->quantized_layers().size());
  }
}

TEST_CASE("Graph: readers and writers; a layer that reads a value twice is one reader") {
  Composite network;
  const ValueId a = network.append("a", std::make_shared<Concat>(), {Graph::kInput, Graph::kInput});
  const ValueId b = network.append("b", std::make_shared<Concat>(), {a, a});
  network.set_output(b);
  const Graph graph(network);
  REQUIRE(graph.nodes().size() == 2);
  CHECK(graph.writer(Graph::kInput) == nullptr);
  CHECK(graph.writer(b) == &graph.nodes()[1]);
  CHECK(graph.only_reader(a) == &graph.nodes()[1]);
  CHECK(graph.only_reader(b) == nullptr);
  CHECK(value_shapes(graph, {1, 3, 2, 2})[b] == Shape{1, 12, 2, 2});
}

TEST_CASE("Graph: the network's output has no only reader") {
  Composite network;
  const ValueId a = network.append("a", std::make_shared<Concat>(), {Graph::kInput, Graph::kInput});
  network.append("b", std::make_shared<Concat>(), {a, a});
  network.set_output(a);
  const Graph graph(network);
  CHECK(graph.readers(a).size() == 1);
  CHECK(graph.only_reader(a) == nullptr);
}

TEST_CASE("Graph: dropout is not in it") {
  Sequential network;
  network.append("drop", std::make_shared<Dropout>(0.5f, Random(1, "test")));
  const Graph graph(network);
  CHECK(graph.nodes().empty());
  CHECK(graph.output() == Graph::kInput);
}

/// A kind that Layer does not list.
struct Halves final : Module {
  Variable forward(const Variable& x) override { return Variable(x.value().slice(0, 1)); }
};

TEST_CASE("Graph: a custom module is a custom layer, whose shape comes from a run") {
  Sequential network;
  const auto halves = network.append("halves", std::make_shared<Halves>());
  const Graph graph(network);
  REQUIRE(graph.nodes().size() == 1);
  CHECK(std::get<CustomLayer>(graph.nodes()[0].layer).module == halves.get());
  CHECK(value_shapes(graph, {2, 3})[1] == Shape{1, 3});
}

TEST_CASE("last_reads: a value is freed after its last reader, the output never") {
  using Lists = std::vector<std::vector<ValueId>>;
  CHECK(last_reads({{0}, {1}, {1, 2}, {3, 0}}, 4) == Lists{{}, {}, {1, 2}, {3, 0}});
  CHECK(last_reads({{0}, {1}}, 1) == Lists{{0}, {}});
}

}  // namespace
}  // namespace quench::layers
