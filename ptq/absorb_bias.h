#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ptq/equalize.h"

namespace quench {

struct BiasAbsorptionReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< layers, by name
  std::int64_t channels = 0;  ///< whose bias was absorbed, in all pairs
  /// Layers whose bias stayed, with the reason; pairs without a high bias are in neither list.
  std::vector<std::pair<std::string, std::string>> excluded;
};

/// High-bias absorption (Nagel et al. 2019, arXiv:1906.04721, section 4.1.3): where nearly all
/// values of a channel lie far above 0, as equalization makes some, the part that ReLU never touches
/// moves into the layer that reads them, so that the activation's range shrinks.
///
///   c = max(0, beta - 3 g),  beta <- beta - c,  b2 <- b2 + sum over taps of W2 c
///
/// with beta and g the mean and deviation that the batch norm gives the channel. Pairs are those of
/// equalize(), after which it is to run. The reader's share goes into its running mean if a batch
/// norm follows it, into its bias otherwise. For a normal distribution the network computes the same
/// for all but one value in 700, and but for the border: where a window lies on zero padding, the
/// taps in the padding would have to read -c.
BiasAbsorptionReport absorb_biases(Module& network);

}  // namespace quench
