#include "autograd/nn.h"

#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/ops/gemm.h"
#include "core/ops/reduce.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

struct Conv2dNode final : Node {
  Saved input, weight;
  std::shared_ptr<PreparedConv2d> prepared;

  Conv2dNode(const Tensor& input_in, const Tensor& weight_in,
             std::shared_ptr<PreparedConv2d> prepared_in)
      : input(input_in), weight(weight_in), prepared(std::move(prepared_in)) {}
  std::string_view name() const override { return "conv2d"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    std::vector<Tensor> grads(3);
    if (needs(0) && needs(1)) {
      OperandGradients both = prepared->backward(input.get(), grad_output, weight.get());
      grads[0] = std::move(both.input);
      grads[1] = std::move(both.weight);
    } else if (needs(0)) {
      grads[0] = prepared->backward_data(grad_output, weight.get(), input.get().shape());
    } else if (needs(1)) {  // the first layer's input is an image
      grads[1] = prepared->backward_weights(input.get(), grad_output, weight.get().shape());
    }
    if (needs(2)) grads[2] = sum_per_channel(grad_output);
    return grads;
  }
};

}  // namespace

Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared) {
  require(prepared != nullptr, "conv2d: expected a PreparedConv2d, got null");
  Tensor output = prepared->forward(input.value(), weight.value(), bias.value());
  return record<Conv2dNode>({input, weight, bias}, std::move(output), input.value(), weight.value(),
                            std::move(prepared));
}

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

namespace {

/// dL/dx[winner of window o] += dL/dy[o].
struct MaxPoolNode final : Node {
  Tensor argmax;  // one byte per output; x can be freed
  Shape input;
  Window2d window;

  MaxPoolNode(Tensor argmax_in, Shape input_in, const Window2d& window_in)
      : argmax(std::move(argmax_in)), input(input_in), window(window_in) {}
  std::string_view name() const override { return "max_pool2d"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {max_pool2d_backward(grad_output, argmax, input, window)};
  }
};

/// dL/dx[i] = sum over the windows o that hold i of dL/dy[o] / count[o].
struct AvgPoolNode final : Node {
  Shape input;
  Window2d window;

  AvgPoolNode(Shape input_in, const Window2d& window_in) : input(input_in), window(window_in) {}
  std::string_view name() const override { return "avg_pool2d"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {avg_pool2d_backward(grad_output, input, window)};
  }
};

/// dL/dx[n, c, :, :] = dL/dy[n, c] / (H * W).
struct GlobalAvgPoolNode final : Node {
  Shape input;

  explicit GlobalAvgPoolNode(Shape input_in) : input(input_in) {}
  std::string_view name() const override { return "global_avg_pool2d"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {global_avg_pool2d_backward(grad_output, input)};
  }
};

}  // namespace

Variable max_pool2d(const Variable& x, const Window2d& window) {
  const ProfileScope profile("max_pool2d");
  MaxPoolResult result = max_pool2d(x.value(), window);
  return record<MaxPoolNode>({x}, std::move(result.output), std::move(result.argmax), x.shape(),
                             window);
}

Variable avg_pool2d(const Variable& x, const Window2d& window) {
  const ProfileScope profile("avg_pool2d");
  return record<AvgPoolNode>({x}, avg_pool2d(x.value(), window), x.shape(), window);
}

Variable global_avg_pool2d(const Variable& x) {
  const ProfileScope profile("global_avg_pool2d");
  return record<GlobalAvgPoolNode>({x}, global_avg_pool2d(x.value()), x.shape());
}

}  // namespace quench
