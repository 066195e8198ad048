#include "autograd/activation.h"

#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/profiler.h"

namespace quench {
namespace {

/// dL/dx = dL/dy strictly inside the activation's range, else 0.
struct ActivateNode final : Node {
  Saved output;  // not x: the next layer holds the output anyway
  Activation activation;

  ActivateNode(const Tensor& output_in, Activation activation_in)
      : output(output_in), activation(activation_in) {}
  std::string_view name() const override { return "activate"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {activate_backward(grad_output, output.get(), activation)};
  }
};

}  // namespace

Variable activate(const Variable& x, Activation activation) {
  if (activation == Activation::none) return x;
  const ProfileScope profile("activate");
  Tensor output = activate(x.value(), activation);
  return record<ActivateNode>({x}, output, output, activation);
}

}  // namespace quench
