#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "layers/graph.h"
#include "layers/quantized_layer.h"

namespace quench {

/// Neighbouring nodes [begin, end) of a Graph whose weights reconstruction quantizes together, so that
/// what they compute changes least.
struct ReconstructionUnit {
  std::size_t begin = 0, end = 0;
  std::vector<QuantizedLayer*> layers;  ///< whose weights are quantized, in order of execution
  std::vector<ValueId> outputs;  ///< what it computes for later nodes or as the network's output

  /// "conv1", or "block1.conv1 to block1.conv2".
  std::string name() const;
};

/// One unit for each layer with a quantized weight: the layer and what follows it up to the next one,
/// such as its batch norm, its activation and the sum that reads it. Nodes before the first layer
/// belong to its unit, so the units are the whole graph.
/// @throws std::invalid_argument  if no layer has a quantized weight
std::vector<ReconstructionUnit> layer_units(const Graph& graph);

/// The blocks of a network: a block ends wherever later nodes read a single value, and contains at
/// least one layer with a quantized weight. One with more than six is cut into layer units. These are
/// the residual blocks of a ResNet, and the single layers of a network without branches.
/// @throws std::invalid_argument  if no layer has a quantized weight
std::vector<ReconstructionUnit> block_units(const Graph& graph);

}  // namespace quench
