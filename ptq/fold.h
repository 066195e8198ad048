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
/// a max pool, they are no pair.
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

}  // namespace quench
