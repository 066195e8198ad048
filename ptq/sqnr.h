#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"
#include "ptq/signal_to_noise.h"

namespace quench::train {

/// What quantization does to one layer, sum or pool, in dB.
struct LayerSqnr {
  std::string layer;
  std::optional<double> weight;  ///< of the weight on its grid; none if it stays float
  /// Of the float network's activations on the grid of the slot, of a sum over both operands.
  std::optional<double> input;
  /// Of what the quantized network computes, against the float one; with a batch norm folded in,
  /// after that and its activation.
  double output = 0.0;
  /// The same, normalized by channel.
  double normalized_output = 0.0;
};

/// Measures each layer with a weight, and each sum and pool that quantizes, in order of execution, over the first `batches` batches of
/// `images`, or all if there are fewer. Every quantizer must have its grid. Batch norm and dropout
/// work as in evaluation, and nothing changes. Shows the batches on progress_bar().
/// @param floating  bypassed, what `network` stands for: `network` itself, or another of its model
/// @throws std::invalid_argument  if the two have different numbers of layers
std::vector<LayerSqnr> measure_sqnr(Module& floating, Module& network, datasets::Loader& images,
                                    std::int64_t batches);

}  // namespace quench::train
