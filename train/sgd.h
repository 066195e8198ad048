#pragma once

#include <vector>

#include "train/optimizer.h"

namespace quench::train {

/// Stochastic gradient descent as in torch.optim.SGD without dampening:
///
///   g = grad + weight_decay * w
///   b <- momentum * b + g
///   d = b, or g + momentum * b (Nesterov)
///   w <- w - lr * d
///
/// The rate is not part of the velocity b, so a change of lr takes effect immediately. Without
/// momentum, d = g and no b is kept.
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<layers::Parameter> parameters);
  bool adaptive() const override { return false; }

 protected:
  void update(Entry& entry, const Tensor& grad, float rate) override;

 private:
  float momentum_;
  bool nesterov_;
};

}  // namespace quench::train
