#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "layers/graph.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {

/// Consecutive nodes [begin, end) of a Graph whose weights are reconstructed together, so that
/// their output changes least.
struct ReconstructionUnit {
  std::size_t begin = 0, end = 0;
  std::vector<layers::QuantizedLayer*>
      layers;                            ///< layers with quantized weights, in order of execution
  std::vector<layers::ValueId> outputs;  ///< values for later nodes, or the network's output

  /// "conv1", or "block1.conv1 to block1.conv2".
  std::string name() const;
};

/// One unit for each layer with a quantized weight: the layer and the nodes up to the next one,
/// e.g. its batch norm, its activation and the sum that reads it. Nodes before the first layer
/// belong to its unit, so the units cover the whole graph.
/// @throws std::invalid_argument  if no layer has a quantized weight
std::vector<ReconstructionUnit> layer_units(const layers::Graph& graph);

/// The blocks of a network: a block ends wherever later nodes read a single value, and contains at
/// least one layer with a quantized weight. A block with more than six such layers is split into
/// layer units. For a ResNet these are the residual blocks, for a network without branches the
/// single layers. The layers of one layers::Residual are a block even without a shortcut, as in MobileNet v2.
/// @param network  the network that the graph was made from
/// @throws std::invalid_argument  if no layer has a quantized weight
std::vector<ReconstructionUnit> block_units(const layers::Graph& graph, layers::Module& network);

}  // namespace quench::ptq
