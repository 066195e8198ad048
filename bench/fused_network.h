#pragma once

#include <memory>
#include <vector>

#include "layers/module.h"

namespace quench::bench {

/// A float network prepared for inference, with the operations after each convolution fused into
/// it: batch norms are folded into weights and biases; activations and residual sums become part of
/// the convolution. All other modules run unchanged.
///
/// Computes the same as the network in evaluation, up to rounding, with the weights at
/// construction. Only one thread may use it at a time.
class FusedNetwork {
 public:
  /// @param network  in evaluation mode; must outlive this object
  /// @throws std::invalid_argument  for a network with quantizers
  explicit FusedNetwork(layers::Module& network);
  ~FusedNetwork();
  FusedNetwork(const FusedNetwork&) = delete;
  FusedNetwork& operator=(const FusedNetwork&) = delete;

  /// @param images  [N, C, H, W]
  Tensor operator()(const Tensor& images);

  /// The number of steps after fusion.
  std::size_t steps() const { return steps_.size(); }

 private:
  class Operation;
  class Convolution;
  class ModuleCall;
  class Planner;

  /// Values are numbered in the order in which they are written; 0 is the network's input.
  struct Step {
    std::unique_ptr<Operation> operation;
    std::vector<std::size_t> inputs;
    std::size_t output = 0;
    std::vector<std::size_t> done;  ///< values that no later step reads
  };

  std::vector<Step> steps_;
  std::size_t output_ = 0;
};

}  // namespace quench::bench
