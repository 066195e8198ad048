#pragma once

#include <vector>

#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"

namespace quench {

/// A layer, and the batch norm that alone reads the layer's output.
struct BatchNormPair {
  QuantizedLayer* layer = nullptr;
  BatchNorm* norm = nullptr;
};

/// All pairs of a network, in order of execution. Where another module stands between the two, such as
/// a max pool, they are no pair; nor is a layer whose weight others use too.
std::vector<BatchNormPair> batch_norm_pairs(Module& network);

/// Folds the batch norm of every pair whose weight is quantized into its layer, for training,
/// evaluation and export alike; see FoldedBatchNorm. Names, parameters and buffers stay as they are.
/// A network without quantizers is left alone.
/// @return the pairs that are folded now
/// @throws std::invalid_argument  if the network is quantized and has no such pair
std::vector<BatchNormPair> fold_batch_norms(Module& network);

/// Turns every folded batch norm to its running statistics, which stand still from then on, until
/// Module::set_training() is called.
void freeze_folded_batch_norms(Module& network);

/// Folds every batch norm that directly follows a layer into the layer's weight for good (methods
/// of post-training quantization start so): the weight and bias take gain / sigma, and the batch
/// norm is left with a gain equal to its sigma, which multiplies by 1 and adds
/// bias - running_mean.
///
/// What the network computes in evaluation stays the same up to rounding, and so do all names and
/// shapes: its checkpoint loads into the same model. The running statistics are those of the new
/// weight's output, so the batch norm still says how its output is distributed (correct_biases()),
/// and training may go on.
/// @return the pairs that were folded
std::vector<BatchNormPair> fold_into_weights(Module& network);

/// Multiplies what a folded pair puts out, before a ReLU, by a positive factor per channel. `norm`
/// may be null.
/// @param factor  [O], > 0
/// @throws std::invalid_argument  for another shape
void scale_output(const BatchNormPair& pair, const Tensor& factor);

}  // namespace quench
