#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ptq/fold.h"

namespace quench {

/// A layer whose output, with its batch norm and a homogeneous activation, one other layer reads.
struct EqualizablePair {
  BatchNormPair producer;  ///< the batch norm may be null
  QuantizedLayer* consumer = nullptr;
};

struct EqualizablePairs {
  std::vector<EqualizablePair> pairs;
  std::vector<std::pair<std::string, std::string>> excluded;  ///< name of the producer, reason
};

/// Multiplies each channel between the two by a factor > 0 and divides it again where it is read.
/// @param factor  [O] of the producer
void scale_between(const BatchNormPair& producer, QuantizedLayer& consumer, const Tensor& factor);

/// What equalize() works on: of a network that fold_into_weights() has gone over.
EqualizablePairs equalizable_pairs(Module& network);

}  // namespace quench
