#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ptq/fold.h"

namespace quench {

struct EqualizationReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< layers, by name
  /// Layers whose output was left as it was, with the reason; all but those of `pairs` and the last.
  std::vector<std::pair<std::string, std::string>> excluded;
  int sweeps = 0;       ///< over all pairs
  double change = 0.0;  ///< the largest |s - 1| of the last sweep
};

/// Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, section 4.1): channel i of a
/// layer is divided by s_i = sqrt(r1_i / r2_i) and multiplied again in the layer that reads it, with
/// r1_i = max|W1[i]| and r2_i = max|W2[:, i]|, so that both ranges become sqrt(r1_i r2_i) and one
/// scale per tensor serves all channels. Where a range is 0, or below 1e-4 of the largest of its layer,
/// s_i is 1.
///
/// Begins with fold_into_weights(). Takes each pair of layers with nothing between but batch norm,
/// ReLU, pooling or flattening, where nothing else reads the tensor and it is not the network's
/// output. ReLU6 and hardtanh are not homogeneous and exclude a pair.
/// Sweeps over all pairs until no s_i is further than 1e-4 from 1, at most 100 times; a depthwise
/// layer between two others then has the range (r1 r2 r3)^(1/3) of the closed form for triples.
///
/// Channels that the next layer multiplies by next to nothing, below 1e-4 of its largest, are brought
/// down to the largest of the others.
///
/// The network computes the same in evaluation, up to rounding. Quantizers are not touched: they
/// must observe or calibrate after this.
EqualizationReport equalize(Module& network);

/// One step for one pair: returns the s_i by which the producer's output was divided.
/// @throws std::invalid_argument  if the consumer's weight does not fit the producer's channels
Tensor equalize_pair(const BatchNormPair& producer, QuantizedLayer& consumer);

}  // namespace quench
