#pragma once

#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"

namespace quench {

struct DepthwiseRescaleReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< depthwise layer, 1x1 layer
  std::int64_t locked = 0;  ///< channels of these that reach the bound of ReLU6
  /// Depthwise layers left as they were, with the reason.
  std::vector<std::pair<std::string, std::string>> excluded;
};

/// Evens out the channels of every depthwise convolution that one 1x1 convolution reads, through
/// batch norm and ReLU or ReLU6, so that one scale per tensor suits them all (FAT, Goncharenko et
/// al. 2018, arXiv:1812.07872); see ptq/depthwise_rescale.h. Begins with fold_into_weights().
///
/// The network computes the same in evaluation, up to rounding, as long as no channel that stayed
/// below the bound of ReLU6 on these images exceeds it on others.
/// @param batches  images [N, C, H, W], at least one batch
/// @throws std::invalid_argument  if there are none
DepthwiseRescaleReport rescale_depthwise(Module& network, const std::vector<Tensor>& batches);

}  // namespace quench
