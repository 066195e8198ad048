#pragma once

#include <string>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "ptq/search/hessian_trace.h"

namespace quench::ptq {

/// What the quantization of one layer costs a network that is otherwise float:
///   kl       KL(softmax(float logits) || softmax(logits)), mean over the images
///   loss     increase of the cross-entropy with the labels, mean over the images
///   sqnr     noise-to-signal ratio of the layer's output, 10^(-SQNR/10)
///   hessian  trace(H) / n * sum (W - Q(W))^2 of the n weights (HAWQ-V2: Dong et al. 2020, arXiv:1911.03852)
/// Selections add it up over layers, which assumes that layers do not interact.
enum class SensitivityMeasure : std::uint8_t { kl, loss, sqnr, hessian };

/// The names of the measures, in that order.
std::vector<std::string> sensitivity_names();
/// @throws std::invalid_argument  for an unknown name; the message lists the known ones
SensitivityMeasure sensitivity_measure(const std::string& name);
const std::string& name_of(SensitivityMeasure measure);

/// Which of a layer's slots is quantized.
struct LayerSlots {
  bool weight = true;
  bool input = false;
};

/// Measures the layers of one network, whose quantizers have their grids, on the same images. Batch norm
/// and dropout work as in evaluation. Weights, grids and modes of the network are as before after each call.
class SensitivityProbe {
 public:
  /// @param images  all batches, one after the other; kept
  /// @throws std::invalid_argument  for no images
  SensitivityProbe(layers::Module& network, std::vector<datasets::Batch> images);

  /// Of `layer` with these slots quantized and the rest of the network float, for every measure but
  /// hessian. Differences of losses can be negative.
  double measure(layers::QuantizedLayer& layer, const LayerSlots& slots,
                 SensitivityMeasure measure) const;
  /// Measures a whole network with all quantizers at work, by kl or loss. It may be another network of the
  /// same model.
  double measure_network(layers::Module& quantized, SensitivityMeasure measure) const;

  /// trace(H) of the cross-entropy with the labels in the layer's weight, of the float network.
  /// @param random  of this layer
  /// @throws std::invalid_argument  for a layer with a batch norm folded in, or loss that is not finite
  TraceEstimate trace(layers::QuantizedLayer& layer, const Random& random) const;

 private:
  double loss_of(layers::Module& network, SensitivityMeasure measure) const;
  double output_noise(layers::QuantizedLayer& layer, const LayerSlots& slots) const;
  Tensor weight_gradient(const Variable& weight) const;

  layers::Module& network_;
  std::vector<datasets::Batch> images_;
  std::int64_t count_ = 0;
  std::vector<Tensor> float_logits_;  // by batch
  double float_loss_ = 0.0;           // cross-entropy
};

/// sum (W - Q(W))^2 of the layer's weight on its quantizer's grid, with the batch norm folded into it.
double weight_noise(layers::QuantizedLayer& layer);

/// Mean over rows of KL(softmax(reference) || softmax(logits)), and of the cross-entropy of softmax(logits)
/// with `labels` s32 [N]; in double.
/// @param reference, logits  [N, classes]
double mean_kl(const Tensor& reference, const Tensor& logits);
double mean_cross_entropy(const Tensor& logits, const Tensor& labels);

}  // namespace quench::ptq
