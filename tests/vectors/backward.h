#pragma once

#include <utility>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"

namespace quench::vectors {

/// Back-propagates `upstream` = dL/dy from y. Nothing happens if y needs no gradient.
inline void backward(const Variable& y, const Tensor& upstream) {
  // L = sum upstream * y, whose gradient is the upstream itself.
  struct WeightedSum final : Node {
    Tensor weight;
    explicit WeightedSum(Tensor weight_in) : weight(std::move(weight_in)) {}
    std::string_view name() const override { return "weighted_sum"; }
    std::vector<Tensor> backward(const Tensor&) const override { return {weight}; }
  };
  if (!y.requires_grad()) return;
  const Tensor total = Tensor::scalar(static_cast<float>(sum(multiply(y.value(), upstream))));
  record<WeightedSum>({y}, total, upstream).backward();
}

/// The gradient of a leaf, 0 if none reached it.
inline Tensor gradient(const Variable& leaf) {
  return leaf.grad().defined() ? leaf.grad() : Tensor::zeros(leaf.shape());
}

}  // namespace quench::vectors
