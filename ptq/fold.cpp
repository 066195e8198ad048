#include "ptq/fold.h"

#include "layers/graph.h"
#include "support/error.h"

namespace quench {

std::vector<BatchNormPair> batch_norm_pairs(Module& network) {
  const Graph graph(network);
  std::vector<BatchNormPair> pairs;
  for (const Graph::Node& node : graph.nodes()) {
    QuantizedLayer* layer = node.module->as_quantized_layer();
    const Graph::Node* reader = graph.only_reader(node.output);
    if (layer == nullptr || reader == nullptr) continue;
    if (auto* const* norm = std::get_if<BatchNorm*>(&reader->layer))
      pairs.push_back({layer, *norm});
  }
  return pairs;
}

std::vector<BatchNormPair> fold_batch_norms(Module& network) {
  if (!is_quantized(network)) return {};
  std::vector<BatchNormPair> pairs = batch_norm_pairs(network);
  std::erase_if(
      pairs, [](const BatchNormPair& pair) { return !pair.layer->weight_quantizer().quantizes(); });
  require(!pairs.empty(),
          "quant.fold_batch_norm: expected a network in which a batch norm follows a layer with a "
          "quantized weight directly, got one without");
  for (const BatchNormPair& pair : pairs) pair.layer->fold(*pair.norm);
  return pairs;
}

void freeze_folded_batch_norms(Module& network) {
  for (QuantizedLayer* layer : network.quantized_layers()) {
    if (layer->folded() != nullptr) layer->folded()->norm().set_training(false);
  }
}

}  // namespace quench
