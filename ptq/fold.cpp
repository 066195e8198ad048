#include "ptq/fold.h"

#include <cmath>

#include "core/ops/elementwise.h"
#include "layers/graph.h"
#include "support/error.h"

namespace quench::ptq {

std::vector<BatchNormPair> batch_norm_pairs(layers::Module& network) {
  const layers::Graph graph(network);
  std::vector<BatchNormPair> pairs;
  for (const layers::Graph::Node& node : graph.nodes()) {
    layers::QuantizedLayer* layer = node.module->as_quantized_layer();
    const layers::Graph::Node* reader = graph.only_reader(node.output);
    if (layer == nullptr || layer->shares_weight() || reader == nullptr) continue;
    if (auto* const* norm = std::get_if<layers::BatchNorm*>(&reader->layer))
      pairs.push_back({layer, *norm});
  }
  return pairs;
}

std::vector<BatchNormPair> fold_batch_norms(layers::Module& network) {
  if (!layers::is_quantized(network)) return {};
  std::vector<BatchNormPair> pairs = batch_norm_pairs(network);
  std::erase_if(
      pairs, [](const BatchNormPair& pair) { return !pair.layer->weight_quantizer().quantizes(); });
  require(!pairs.empty(),
          "quant.fold_batch_norm: expected a network with a batch norm directly after a layer with "
          "a quantized weight, got none");
  for (const BatchNormPair& pair : pairs) pair.layer->fold(*pair.norm);
  return pairs;
}

void freeze_folded_batch_norms(layers::Module& network) {
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    if (layer->folded() != nullptr) layer->folded()->norm().set_training(false);
  }
}

namespace {

void multiply_in_place(Variable parameter, const Tensor& factor) {
  if (!parameter.defined()) return;
  parameter.mutable_value().copy_from(multiply_per_slice(parameter.value(), factor));
}

/// Adapts `norm` to an input `factor` times as large, with gain / sigma = 1.
void scale_statistics(layers::BatchNorm& norm, const Tensor& factor) {
  Tensor& mean = norm.running_mean();
  Tensor& variance = norm.running_var();
  mean.copy_from(multiply(mean, factor));
  variance.copy_from(multiply(multiply(variance, factor), factor));
  const float eps = norm.params().eps;
  norm.gain().mutable_value().copy_from(map(variance, [eps](float v) {
    return static_cast<float>(std::sqrt(static_cast<double>(v) + static_cast<double>(eps)));
  }));
}

}  // namespace

std::vector<BatchNormPair> fold_into_weights(layers::Module& network) {
  std::vector<BatchNormPair> pairs = batch_norm_pairs(network);
  for (const auto& [layer, norm] : pairs) {
    const Tensor scale =
        fold_batch_norm(norm->gain().value(), norm->bias().value(), norm->running_mean(),
                        norm->running_var(), norm->params().eps)
            .scale;
    multiply_in_place(layer->weight(), scale);
    multiply_in_place(layer->bias(), scale);
    scale_statistics(*norm, scale);
  }
  return pairs;
}

void scale_output(const BatchNormPair& pair, const Tensor& factor) {
  multiply_in_place(pair.layer->weight(), factor);
  multiply_in_place(pair.layer->bias(), factor);
  if (pair.norm == nullptr) return;
  multiply_in_place(pair.norm->bias(), factor);
  scale_statistics(*pair.norm, factor);
}

}  // namespace quench::ptq
