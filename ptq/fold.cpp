#include "ptq/fold.h"

#include "layers/dataflow.h"
#include "support/error.h"

namespace quench {

std::vector<BatchNormPair> batch_norm_pairs(Module& network, const Shape& image) {
  const Dataflow flow(network, Tensor::zeros(image));
  std::vector<BatchNormPair> pairs;
  for (const Dataflow::Run& run : flow.runs()) {
    auto* layer = dynamic_cast<QuantizedLayer*>(run.module);
    if (layer == nullptr) continue;
    const auto readers = flow.readers(run.output);
    if (readers.size() != 1) continue;
    if (auto* norm = dynamic_cast<BatchNorm*>(readers[0]->module)) pairs.push_back({layer, norm});
  }
  return pairs;
}

std::vector<BatchNormPair> fold_batch_norms(Module& network, const Shape& image) {
  if (!is_quantized(network)) return {};
  std::vector<BatchNormPair> pairs = batch_norm_pairs(network, image);
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
