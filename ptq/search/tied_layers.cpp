#include "ptq/search/tied_layers.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <variant>

#include "layers/arithmetic.h"
#include "layers/shape_layers.h"

namespace quench::ptq {
namespace {

using layers::Graph;
using layers::QuantizedLayer;
using layers::ValueId;

bool only_moves_values(const Graph::Node& node) {
  return std::visit(
      layers::Overloaded{
          [](layers::OneOf<layers::Flatten, layers::Unflatten, layers::Pad, layers::Rearrange,
                           layers::SelectPixels, layers::Upsample> auto) { return true; },
          [](layers::OneOf<layers::Conv2d, layers::Linear, layers::BatchNorm, layers::GroupNorm,
                           layers::LocalResponseNorm, layers::ScaleShift, layers::ActivationLayer,
                           layers::PointwiseFunction, layers::PRelu, layers::Add, layers::Multiply,
                           layers::Extremum, layers::Concat, layers::SelectChannels,
                           layers::BilinearResize, layers::MaxPool2d, layers::AveragePool2d,
                           layers::GlobalAveragePool> auto) { return false; },
          [](const layers::CustomLayer&) { return false; }},
      node.layer);
}

/// The value whose integers `value` holds.
ValueId source_of(const Graph& graph, ValueId value) {
  const Graph::Node* writer = graph.writer(value);
  while (writer != nullptr && only_moves_values(*writer)) {
    value = writer->inputs[0];
    writer = graph.writer(value);
  }
  return value;
}

/// The layer whose output, normalized and activated, is `value` and is read on this way only; null if
/// no such layer exists.
const Graph::Node* layer_behind(const Graph& graph, ValueId value) {
  for (;;) {
    const Graph::Node* writer = graph.writer(value);
    if (writer == nullptr || graph.only_reader(value) == nullptr) return nullptr;
    if (writer->module->as_quantized_layer() != nullptr) return writer;
    if (writer->inputs.size() != 1) return nullptr;
    value = writer->inputs[0];
  }
}

/// Numbers in groups that grow together.
class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  /// The smallest number of the group.
  std::size_t first(std::size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = first(a);
    b = first(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

std::vector<std::vector<QuantizedLayer*>> tied_layers(const Graph& graph) {
  std::vector<QuantizedLayer*> found;
  std::map<const layers::Module*, std::size_t> index;
  for (const Graph::Node& node : graph.nodes())
    if (QuantizedLayer* layer = node.module->as_quantized_layer();
        layer != nullptr && index.try_emplace(layer, found.size()).second)
      found.push_back(layer);

  Groups groups(found.size());
  std::map<ValueId, std::size_t> readers;
  for (const Graph::Node& node : graph.nodes()) {
    if (QuantizedLayer* layer = node.module->as_quantized_layer()) {
      const std::size_t own = index.at(layer);
      const auto [reader, first] = readers.try_emplace(source_of(graph, node.inputs[0]), own);
      if (!first) groups.join(reader->second, own);
      if (const auto owner = index.find(&layer->weight_owner()); owner != index.end())
        groups.join(owner->second, own);
    }
    if (!std::holds_alternative<layers::Add*>(node.layer) || node.inputs.size() != 2) continue;
    const Graph::Node* a = layer_behind(graph, node.inputs[0]);
    const Graph::Node* b = layer_behind(graph, node.inputs[1]);
    if (a != nullptr && b != nullptr) groups.join(index.at(a->module), index.at(b->module));
  }

  std::vector<std::vector<QuantizedLayer*>> result(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) result[groups.first(i)].push_back(found[i]);
  std::erase_if(result, [](const auto& group) { return group.empty(); });
  return result;
}

}  // namespace quench::ptq
