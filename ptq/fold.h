#pragma once

#include <vector>

#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {

/// A layer, and the batch norm that is the only reader of the layer's output.
struct BatchNormPair {
  layers::QuantizedLayer* layer = nullptr;
  layers::BatchNorm* norm = nullptr;
};

/// All pairs of a network, in order of execution. Excludes layers with another module (e.g. a max
/// pool) before the batch norm, and layers that share their weight.
std::vector<BatchNormPair> batch_norm_pairs(layers::Module& network);

/// Folds the batch norm of every pair with a quantized weight into its layer, for training,
/// evaluation and export; see FoldedBatchNorm. Names, parameters and buffers do not change. Does
/// nothing for a network without quantizers.
/// @return the folded pairs
/// @throws std::invalid_argument  if the network is quantized but has no such pair
std::vector<BatchNormPair> fold_batch_norms(layers::Module& network);

/// Switches every folded batch norm to its running statistics, which are then frozen until the next
/// Module::set_training().
void freeze_folded_batch_norms(layers::Module& network);

/// Permanently folds every batch norm that directly follows a layer into the layer's weight, as the
/// first step of post-training methods: weight and bias are multiplied by gain / sigma, and the
/// batch norm keeps a gain equal to its sigma, so it only adds bias - running_mean.
///
/// The network's function in evaluation does not change, up to rounding. Names and shapes do not
/// change either: its checkpoint loads into the same model. The running statistics become those of
/// the new weight's output, so the batch norm still describes its output distribution
/// (correct_biases()), and training may continue.
/// @return the pairs that were folded
std::vector<BatchNormPair> fold_into_weights(layers::Module& network);

/// Multiplies the output of a folded pair, before a ReLU, by a positive factor per channel. `norm`
/// may be null.
/// @param factor  [O], > 0
/// @throws std::invalid_argument  for another shape
void scale_output(const BatchNormPair& pair, const Tensor& factor);

}  // namespace quench::ptq
