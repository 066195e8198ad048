#include "ptq/equalize_pairs.h"

#include <fmt/format.h>

#include "core/ops/elementwise.h"
#include "layers/activation.h"
#include "layers/graph.h"
#include "layers/shape_layers.h"
#include "ptq/input_channels.h"

namespace quench {
namespace {

/// Why a positive factor of a channel does not come through a layer to the same channel; empty if it
/// does.
class Obstacle {
 public:
  explicit Obstacle(const Graph::Node& node)
      : name_(node.module->name()), joins_(node.inputs.size() > 1) {}

  std::string operator()(const ActivationLayer* layer) const { return of(layer->activation()); }
  std::string operator()(const Pad* pad) const { return pad->pads_channels() ? own() : ""; }
  std::string operator()(
      OneOf<MaxPool2d, AveragePool2d, GlobalAveragePool, Flatten, Unflatten> auto) const {
    return "";
  }
  std::string operator()(const Add*) const { return "a sum reads its output"; }
  std::string operator()(OneOf<Multiply, Concat> auto) const { return joined(); }
  std::string operator()(
      OneOf<Conv2d, Linear, BatchNorm, ScaleShift, PointwiseFunction> auto) const {
    return own();
  }
  std::string operator()(const CustomLayer&) const { return joins_ ? joined() : own(); }

  static std::string of(Activation activation) {
    const bool homogeneous = activation == Activation::none || activation == Activation::relu;
    return homogeneous ? ""
                       : fmt::format("{} does not scale with its input", to_string(activation));
  }

 private:
  std::string joined() const { return name_ + " joins its output with others"; }
  std::string own() const { return name_ + " behind it has factors of its own"; }

  const std::string& name_;
  bool joins_;
};

/// Follows what a layer has written to the one layer that reads it.
struct Path {
  Path(const Graph& graph, const Graph::Node& producer) {
    const Graph::Node* node = reader(graph, producer);
    if (node == nullptr) return;
    if (auto* const* found = std::get_if<BatchNorm*>(&node->layer)) {
      norm = *found;
      reason = Obstacle::of(norm->params().activation);
      if (reason.empty()) node = reader(graph, *node);
    }
    while (reason.empty() && node != nullptr) {
      consumer = node->module->as_quantized_layer();
      if (consumer != nullptr) return;
      reason = std::visit(Obstacle(*node), node->layer);
      if (reason.empty()) node = reader(graph, *node);
    }
  }

  BatchNorm* norm = nullptr;
  QuantizedLayer* consumer = nullptr;
  std::string reason;  ///< why there is no consumer; empty if the network ends here

 private:
  const Graph::Node* reader(const Graph& graph, const Graph::Node& node) {
    const auto readers = graph.readers(node.output);
    if (readers.size() > 1) reason = fmt::format("{} layers read its output", readers.size());
    if (readers.size() == 1 && node.output == graph.output())
      reason = "it is the network's output as well";
    return reason.empty() && readers.size() == 1 ? readers[0] : nullptr;
  }
};

Tensor inverse(const Tensor& factor) {
  return map(factor, [](float f) { return 1.0f / f; });
}

}  // namespace

void scale_between(const BatchNormPair& producer, QuantizedLayer& consumer, const Tensor& factor) {
  scale_output(producer, factor);
  scale_input(consumer, inverse(factor));
}

EqualizablePairs equalizable_pairs(Module& network) {
  const Graph graph(network);
  EqualizablePairs result;
  for (const Graph::Node& node : graph.nodes()) {
    QuantizedLayer* layer = node.module->as_quantized_layer();
    if (layer == nullptr) continue;
    const Path path(graph, node);
    if (!path.reason.empty()) result.excluded.emplace_back(layer->name(), path.reason);
    if (path.consumer != nullptr) result.pairs.push_back({{layer, path.norm}, path.consumer});
  }
  return result;
}

}  // namespace quench
