#pragma once

#include <memory>
#include <vector>

#include "layers/module.h"

namespace quench::bench {

/// A float network prepared for inference: what follows a convolution is computed by it while its
/// output is still in the cache. Batch norms are folded into weights and biases, activations and
/// residual sums become part of the convolution; every other module runs as it is.
///
/// Computes what the network does in evaluation, up to rounding, of the weights that it had when
/// this was made. One thread may use it at a time.
class FusedNetwork {
 public:
  /// @param network  must outlive this, in evaluation
  /// @throws std::invalid_argument  for a network with quantizers
  explicit FusedNetwork(layers::Module& network);
  ~FusedNetwork();
  FusedNetwork(const FusedNetwork&) = delete;
  FusedNetwork& operator=(const FusedNetwork&) = delete;

  /// @param images  [N, C, H, W]
  Tensor operator()(const Tensor& images);

  /// How many steps are left of the network's modules.
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
