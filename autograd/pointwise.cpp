#include "autograd/pointwise.h"

#include "autograd/node.h"
#include "core/profiler.h"

namespace quench {
namespace {

/// dL/dx = dL/dy f'(x)
struct PointwiseNode final : Node {
  Saved x;
  Pointwise function;

  PointwiseNode(const Tensor& x_in, const Pointwise& function_in)
      : x(x_in), function(function_in) {}
  std::string_view name() const override { return "pointwise"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {apply_backward(grad_output, x.get(), function)};
  }
};

}  // namespace

Variable apply(const Pointwise& function, const Variable& x) {
  const ProfileScope profile("pointwise");
  return record<PointwiseNode>({x}, apply(function, x.value()), x.value(), function);
}

}  // namespace quench
