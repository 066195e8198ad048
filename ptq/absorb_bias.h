#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ptq/equalize.h"

namespace quench::ptq {

struct BiasAbsorptionReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< layers, by name
  std::int64_t channels = 0;  ///< number of absorbed channels over all pairs
  /// Layers whose bias was not absorbed, with the reason. Pairs without a high bias are in neither
  /// list.
  std::vector<std::pair<std::string, std::string>> excluded;
};

/// High-bias absorption (Nagel et al. 2019, arXiv:1906.04721, section 4.1.3): if nearly all values
/// of a channel are far above 0, as may happen after equalization, the part that ReLU never clips
/// moves into the next layer, which shrinks the activation's range.
///
///   c = max(0, beta - 3 g),  beta <- beta - c,  b2 <- b2 + sum over taps of W2 c
///
/// where beta and g are the channel's mean and deviation after the batch norm. Run it after
/// equalize(); the pairs are the same. The reader's share goes into the running mean of the batch
/// norm that follows it, or else into its bias. For a normal distribution the network's function
/// changes only for one value in 700, and at the border: taps on zero padding would have to read
/// -c.
BiasAbsorptionReport absorb_biases(layers::Module& network);

}  // namespace quench::ptq
