#include "ptq/reconstruction/units.h"

#include <algorithm>

#include "layers/composite.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

constexpr std::size_t kMostLayersOfBlock = 6;

layers::QuantizedLayer* quantized_layer(const layers::Graph::Node& node) {
  layers::QuantizedLayer* layer = node.module->as_quantized_layer();
  return layer != nullptr && layer->weight_quantizer().quantizes() ? layer : nullptr;
}

/// For each value, the last node that reads it; one past the last node for the network's output.
std::vector<std::size_t> last_readers(const layers::Graph& graph) {
  const std::size_t count = graph.nodes().size();
  std::vector<std::size_t> last(count + 1, 0);
  for (std::size_t i = 0; i < count; ++i)
    for (const layers::ValueId input : graph.nodes()[i].inputs) last[input] = i;
  last[graph.output()] = count;
  return last;
}

/// The units that begin at these nodes, in ascending order; each ends where the next begins.
std::vector<ReconstructionUnit> units_from(const layers::Graph& graph,
                                           const std::vector<std::size_t>& begins) {
  const std::vector<std::size_t> last = last_readers(graph);
  std::vector<ReconstructionUnit> units;
  for (std::size_t k = 0; k < begins.size(); ++k) {
    ReconstructionUnit unit{.begin = begins[k],
                            .end = k + 1 < begins.size() ? begins[k + 1] : graph.nodes().size()};
    for (std::size_t i = unit.begin; i < unit.end; ++i) {
      const layers::Graph::Node& node = graph.nodes()[i];
      if (layers::QuantizedLayer* layer = quantized_layer(node)) unit.layers.push_back(layer);
      if (last[node.output] >= unit.end) unit.outputs.push_back(node.output);
    }
    units.push_back(std::move(unit));
  }
  return units;
}

/// The nodes in [begin, end) whose weights are quantized.
std::vector<std::size_t> layer_nodes(const layers::Graph& graph, std::size_t begin,
                                     std::size_t end) {
  std::vector<std::size_t> nodes;
  for (std::size_t i = begin; i < end; ++i)
    if (quantized_layer(graph.nodes()[i]) != nullptr) nodes.push_back(i);
  return nodes;
}

/// The first nodes of the layer units in [begin, end), which contains a quantized weight.
std::vector<std::size_t> layer_begins(const layers::Graph& graph, std::size_t begin,
                                      std::size_t end) {
  std::vector<std::size_t> begins = layer_nodes(graph, begin, end);
  begins.front() = begin;
  return begins;
}

void require_layers(const layers::Graph& graph) {
  require(!layer_nodes(graph, 0, graph.nodes().size()).empty(),
          "reconstruct: expected a network with quantized weights, got none");
}

/// The nodes after which later nodes read only a single value, including the last node.
std::vector<std::size_t> cuts(const layers::Graph& graph) {
  const std::vector<std::size_t> last = last_readers(graph);
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    std::size_t needed = 0;
    for (layers::ValueId value = 0; value <= i + 1; ++value) needed += last[value] > i ? 1 : 0;
    if (needed == 1 || i + 1 == graph.nodes().size()) result.push_back(i);
  }
  return result;
}

std::vector<std::string> residual_names(layers::Module& network) {
  std::vector<std::string> names;
  for (const auto& [name, module] : network.modules())
    if (dynamic_cast<const layers::Residual*>(module) != nullptr) names.push_back(name);
  return names;
}

/// The one that a layer is a part of; empty: none.
std::string residual_of(const std::string& layer, const std::vector<std::string>& residuals) {
  const auto found = std::ranges::find_if(
      residuals, [&layer](const std::string& name) { return layer.starts_with(name + "."); });
  return found == residuals.end() ? "" : *found;
}

}  // namespace

std::string ReconstructionUnit::name() const {
  const std::string& first = layers.front()->name();
  return layers.size() == 1 ? first : first + " to " + layers.back()->name();
}

std::vector<ReconstructionUnit> layer_units(const layers::Graph& graph) {
  require_layers(graph);
  return units_from(graph, layer_begins(graph, 0, graph.nodes().size()));
}

std::vector<ReconstructionUnit> block_units(const layers::Graph& graph, layers::Module& network) {
  require_layers(graph);
  const std::vector<std::string> residuals = residual_names(network);
  std::vector<std::size_t> begins;
  std::size_t begin = 0;
  std::string residual;  // that the block before lies in; empty: none
  std::size_t layers_before = 0;
  for (const std::size_t cut : cuts(graph)) {
    const std::vector<std::size_t> nodes = layer_nodes(graph, begin, cut + 1);
    // A segment without a layer belongs to the block before it, or the first one to the block after
    // it.
    if (nodes.empty() && begins.empty()) continue;
    if (nodes.size() > kMostLayersOfBlock) {
      std::ranges::copy(layer_begins(graph, begin, cut + 1), std::back_inserter(begins));
      residual.clear();
    } else if (!nodes.empty()) {
      const std::string own = residual_of(graph.nodes()[nodes.front()].module->name(), residuals);
      const bool joins =
          !own.empty() && own == residual && layers_before + nodes.size() <= kMostLayersOfBlock;
      if (!joins) begins.push_back(begin);
      layers_before = nodes.size() + (joins ? layers_before : 0);
      residual = own;
    }
    begin = cut + 1;
  }
  return units_from(graph, begins);
}

}  // namespace quench::ptq
