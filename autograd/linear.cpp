#include "autograd/linear.h"

#include "autograd/node.h"
#include "core/elementwise.h"
#include "core/gemm.h"
#include "core/reduce.h"
#include "support/error.h"

namespace quench {
namespace {

/// Y = X W^T + b: dX = dY W, dW = dY^T X, db = column sums of dY
struct LinearNode final : Node {
  Saved input, weight;

  LinearNode(const Tensor& input_in, const Tensor& weight_in)
      : input(input_in), weight(weight_in) {}
  std::string_view name() const override { return "linear"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? matmul(grad_output, false, weight.get(), false) : Tensor(),
            needs(1) ? matmul(grad_output, true, input.get(), false) : Tensor(),
            needs(2) ? sum_per_channel(grad_output) : Tensor()};
  }
};

}  // namespace

Variable linear(const Variable& input, const Variable& weight, const Variable& bias) {
  require(input.shape().rank() == 2 && weight.shape().rank() == 2 &&
              input.shape()[1] == weight.shape()[1],
          "linear: expected input [N, I] and weight [O, I], got {} and {}",
          input.shape().to_string(), weight.shape().to_string());
  require(!bias.defined() || bias.shape() == Shape{weight.shape()[0]},
          "linear: expected a bias [{}], got {}", weight.shape()[0], bias.shape().to_string());
  Tensor output = matmul(input.value(), false, weight.value(), true);
  if (bias.defined()) output = add_per_channel(output, bias.value());
  return record<LinearNode>({input, weight, bias}, std::move(output), input.value(),
                            weight.value());
}

}  // namespace quench
