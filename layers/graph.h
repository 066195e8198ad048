#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shape.h"
#include "layers/layer.h"
#include "layers/module.h"

namespace quench::layers {

/// A network as data: its layers in order of execution, with the inputs of each.
///
/// It describes evaluation, so it has no dropout and no other module that only passes its input on.
/// It points to the network's modules: it is valid while they live and nothing is appended to them.
class Graph {
 public:
  static constexpr ValueId kInput = 0;  ///< the network's input

  struct Node {
    Module* module;  ///< for its name; `layer` is its kind
    Layer layer;
    std::vector<ValueId> inputs;  ///< at least one
    ValueId output;
  };

  Graph() = default;
  explicit Graph(Module& network);

  /// For Module::lower(): adds a layer that reads `inputs`. @return the value that it computes
  /// @throws std::logic_error  if `inputs` is empty or has a value that does not exist
  ValueId append(Module& module, std::vector<ValueId> inputs);

  /// In order of execution: node i computes value i + 1.
  const std::vector<Node>& nodes() const { return nodes_; }
  /// The network's output.
  ValueId output() const { return output_; }
  /// The node that computes `value`; null for kInput.
  const Node* writer(ValueId value) const;
  /// The nodes that read `value`, each once.
  std::vector<const Node*> readers(ValueId value) const;
  /// The only node that reads `value`; null if there is not exactly one, or if it is the network's
  /// output.
  const Node* only_reader(ValueId value) const;

 private:
  std::vector<Node> nodes_;
  ValueId output_ = kInput;
};

/// The shape of every value, by ValueId, for images of shape `image`. Only a CustomLayer is run, on
/// zeros.
/// @throws std::invalid_argument  for a layer that does not accept its inputs
std::vector<Shape> value_shapes(const Graph& graph, const Shape& image);

/// For each step in order, the values that no later step reads, without the output: they may be
/// freed once the step has run.
/// @param inputs  the values that each step reads
std::vector<std::vector<ValueId>> last_reads(const std::vector<std::vector<ValueId>>& inputs,
                                             ValueId output);

/// One layer of a traced network.
struct LayerTrace {
  std::string name;
  Shape input;  ///< including the batch that was traced
  Shape output;
  Shape weight;           ///< rank 0 if it has none
  std::int64_t macs = 0;  ///< multiply-accumulates per image
};

/// Each layer with a weight, and each other module that quantizes its inputs (a sum, a pool, a
/// product, a function), in order of execution.
/// @param image  [N, C, H, W]
/// @throws std::invalid_argument  as value_shapes()
std::vector<LayerTrace> trace_layers(Module& network, const Shape& image);

}  // namespace quench::layers
