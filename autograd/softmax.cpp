#include "autograd/softmax.h"

#include <string_view>
#include <vector>

#include "autograd/node.h"
#include "core/softmax.h"

namespace quench {
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

}  // namespace quench
