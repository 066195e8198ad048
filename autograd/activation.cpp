#include "autograd/activation.h"

#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/ops/prelu.h"
#include "core/ops/softmax.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

/// dL/dx = dL/dy strictly inside the activation's range, else 0.
struct ActivateNode final : Node {
  Saved output;  // not x: the next layer keeps the output anyway
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

namespace {

struct PReluNode final : Node {
  Saved x, slope;

  PReluNode(const Tensor& x_in, const Tensor& slope_in) : x(x_in), slope(slope_in) {}
  std::string_view name() const override { return "prelu"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    PReluGradients grads = prelu_backward(grad_output, x.get(), slope.get());
    return {std::move(grads.x), std::move(grads.slope)};
  }
};

}  // namespace

Variable prelu(const Variable& x, const Variable& slope) {
  const ProfileScope profile("prelu");
  return record<PReluNode>({x, slope}, prelu(x.value(), slope.value()), x.value(), slope.value());
}

namespace {

/// dL/dx = dL/dy where low <= x <= high, else 0. Saves all of x: in the clipped output, values on
/// the edge of the window look like values outside.
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

namespace {

struct SoftmaxNode final : Node {
  Saved output;

  explicit SoftmaxNode(const Tensor& output_in) : output(output_in) {}
  std::string_view name() const override { return "softmax"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {softmax_backward(grad_output, output.get())};
  }
};

struct LogSoftmaxNode final : Node {
  Saved output;

  explicit LogSoftmaxNode(const Tensor& output_in) : output(output_in) {}
  std::string_view name() const override { return "log_softmax"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {log_softmax_backward(grad_output, output.get())};
  }
};

}  // namespace

Variable softmax(const Variable& x) {
  Tensor output = softmax(x.value());
  return record<SoftmaxNode>({x}, output, output);
}

Variable log_softmax(const Variable& x) {
  Tensor output = log_softmax(x.value());
  return record<LogSoftmaxNode>({x}, output, output);
}

namespace {

/// y = x * mask / (1 - p), linear in x and so its own transpose.
Tensor drop(const Tensor& x, float probability, Random& random) {
  Tensor noise(x.shape());
  random.fill_uniform(noise.span());
  const float scale = 1.0f / (1.0f - probability);
  return zip(x, noise, [=](float v, float u) { return u < probability ? 0.0f : v * scale; });
}

/// Saves the state of the random stream instead of the mask: redrawing costs time, saving would
/// cost memory.
struct DropoutNode final : Node {
  float probability;
  Random random;

  DropoutNode(float probability_in, const Random& random_in)
      : probability(probability_in), random(random_in) {}
  std::string_view name() const override { return "dropout"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    Random again = random;
    return {drop(grad_output, probability, again)};
  }
};

}  // namespace

Variable dropout(const Variable& x, float probability, Random& random) {
  require(probability >= 0.0f && probability < 1.0f,
          "dropout: expected a probability in [0, 1), got {}", probability);
  const Random start = random;
  return record<DropoutNode>({x}, drop(x.value(), probability, random), probability, start);
}

}  // namespace quench
