#pragma once

#include <vector>

#include "ptq/fold.h"

namespace quench {

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
