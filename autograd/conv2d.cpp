#include "autograd/conv2d.h"

#include "autograd/node.h"
#include "core/reduce.h"
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
    // The first layer's input is an image, which needs none.
    if (needs(0)) {
      grads[0] = prepared->backward_data(grad_output, weight.get(), input.get().shape());
    }
    if (needs(1)) {
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

}  // namespace quench
