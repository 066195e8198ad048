#include "autograd/clip.h"

#include "autograd/node.h"
#include "core/elementwise.h"
#include "support/error.h"

namespace quench {
namespace {

/// dL/dx = dL/dy where low <= x <= high, else 0. Saves x whole: the clipped output no longer tells
/// a value on the edge of the window from one outside.
struct WindowNode : Node {
  Saved x;
  float low, high;

  WindowNode(const Tensor& x_in, float low_in, float high_in)
      : x(x_in), low(low_in), high(high_in) {}
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {zip(grad_output, x.get(), [low = low, high = high](float g, float v) {
      return v >= low && v <= high ? g : 0.0f;
    })};
  }
};

struct ClipNode final : WindowNode {
  using WindowNode::WindowNode;
  std::string_view name() const override { return "clip"; }
};

struct SignNode final : WindowNode {
  using WindowNode::WindowNode;
  std::string_view name() const override { return "sign_ste"; }
};

struct RoundNode final : Node {
  std::string_view name() const override { return "round_ste"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override { return {grad_output}; }
};

}  // namespace

Variable clip(const Variable& x, float low, float high) {
  return record<ClipNode>({x}, clip(x.value(), low, high), x.value(), low, high);
}

Variable sign_ste(const Variable& x, float window) {
  require(window > 0.0f, "sign_ste: expected window > 0, got {}", window);
  return record<SignNode>({x}, sign(x.value()), x.value(), -window, window);
}

Variable round_ste(const Variable& x) { return record<RoundNode>({x}, round_half_even(x.value())); }

}  // namespace quench
