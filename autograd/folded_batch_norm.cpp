#include "autograd/folded_batch_norm.h"

#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/profiler.h"

namespace quench {
namespace {

struct FoldedBatchNormNode final : Node {
  Saved product, plain, gain, bias, layer_bias;
  BatchNormStatistics batch;
  Tensor sigma_running;

  explicit FoldedBatchNormNode(const FoldedBatchNormInputs& inputs)
      : product(inputs.product),
        plain(inputs.plain),
        gain(inputs.gain),
        bias(inputs.bias),
        layer_bias(inputs.layer_bias),
        batch(inputs.batch),
        sigma_running(inputs.sigma_running) {}
  std::string_view name() const override { return "folded_batch_norm"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    FoldedBatchNormGradients grads =
        folded_batch_norm_backward(grad_output, {product.get(), plain.get(), gain.get(), bias.get(),
                                                 layer_bias.get(), batch, sigma_running});
    return {std::move(grads.product), std::move(grads.plain), std::move(grads.gain),
            std::move(grads.bias), std::move(grads.layer_bias)};
  }
};

}  // namespace

Variable folded_batch_norm(const FoldedBatchNormVariables& variables, BatchNormStatistics batch,
                           Tensor sigma_running) {
  const ProfileScope profile("folded_batch_norm");
  const auto& [product, plain, gain, bias, layer_bias] = variables;
  const FoldedBatchNormInputs inputs{
      product.value(),  plain.value(),           gain.value(), bias.value(), layer_bias.value(),
      std::move(batch), std::move(sigma_running)};
  return record<FoldedBatchNormNode>({product, plain, gain, bias, layer_bias},
                                     folded_batch_norm(inputs), inputs);
}

}  // namespace quench
