#include "autograd/pool.h"

#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/profiler.h"

namespace quench {
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
