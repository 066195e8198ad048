#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "layers/graph.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {

/// Some values of a network, by id.
using Values = std::map<layers::ValueId, Variable>;

/// These images of all, and the way back.
Tensor rows_of(const Tensor& all, std::span<const std::int64_t> images);
void put_rows(Tensor& all, std::span<const std::int64_t> images, const Tensor& values);

/// Runs nodes [begin, end) of a graph in their modules' current modes.
/// @param values  all values that the nodes read from outside
/// @return        all values that later nodes read, and the network's output if computed
Values run_nodes(const layers::Graph& graph, std::size_t begin, std::size_t end, Values values);

/// The values of a network for a set of images, node by node. They are kept for all images while
/// they fit into memory; from the first node where they do not fit, they are recomputed from an
/// earlier node on demand.
class ValueFlow {
 public:
  /// @param images  [N, C, H, W], N >= 1; kept in memory
  /// @param memory  bytes for all other values
  ValueFlow(const layers::Graph& graph, Tensor images, std::int64_t memory);

  std::int64_t images() const { return images_; }
  /// The node whose inputs are kept.
  std::size_t node() const { return node_; }
  /// Advances to `node`, if all values that it and later nodes read fit into memory.
  void advance(std::size_t node);
  /// The values that `node` (at or after node()) and later nodes read, for these images.
  Values at(std::size_t node, std::span<const std::int64_t> images) const;

 private:
  const layers::Graph* graph_;
  std::int64_t images_, memory_;
  std::size_t node_ = 0;
  std::map<layers::ValueId, Tensor> kept_;  // for all images
};

/// The same for the float network, regardless of later changes to weights and quantizers.
class FloatFlow {
 public:
  FloatFlow(const layers::Graph& graph, Tensor images, std::int64_t memory);

  void advance(std::size_t node);
  Values at(std::size_t node, std::span<const std::int64_t> images) const;
  /// What the float network puts out from node `node` on, as a function of what that and later nodes
  /// read. The gradients of its parameters are cleared afterwards.
  /// @param use  called with the output while the network is the float one, to go backward from there
  void compute(std::size_t node, Values values,
               const std::function<void(const Variable& output)>& use) const;

 private:
  struct Original {
    std::size_t node;
    layers::QuantizedLayer* layer;
    Tensor weight;
  };
  class Restored;

  const layers::Graph* graph_;
  ValueFlow flow_;
  std::shared_ptr<const std::vector<Original>> originals_;
};

/// The images 0 .. count-1 in pieces small enough to run: calls visit(span of indices).
template <typename Visit>
void for_each_piece(std::int64_t count, Visit visit) {
  constexpr std::int64_t kPiece = 32;
  for (std::int64_t begin = 0; begin < count; begin += kPiece) {
    std::vector<std::int64_t> piece;
    for (std::int64_t i = begin; i < std::min(begin + kPiece, count); ++i) piece.push_back(i);
    visit(std::span<const std::int64_t>(piece));
  }
}

}  // namespace quench::ptq
