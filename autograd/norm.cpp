#include "autograd/norm.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/ops/group_norm.h"
#include "core/profiler.h"

namespace quench {
namespace {

/// Saves the input, which the layer before it keeps anyway, and two vectors.
struct BatchNormNode final : Node {
  Saved x, gain, bias;
  BatchNormStatistics statistics;
  Activation activation;
  bool training;

  BatchNormNode(const Tensor& x_in, const Tensor& gain_in, const Tensor& bias_in,
                BatchNormStatistics statistics_in, Activation activation_in, bool training_in)
      : x(x_in),
        gain(gain_in),
        bias(bias_in),
        statistics(std::move(statistics_in)),
        activation(activation_in),
        training(training_in) {}
  std::string_view name() const override { return "batch_norm"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const BatchNormInputs inputs{x.get(), gain.get(), bias.get(), statistics, activation};
    BatchNormGradients grads = training ? batch_norm_train_backward(grad_output, inputs)
                                        : batch_norm_infer_backward(grad_output, inputs);
    return {std::move(grads.x), std::move(grads.gain), std::move(grads.bias)};
  }
};

}  // namespace

Variable batch_norm(const Variable& x, const Variable& gain, const Variable& bias,
                    Tensor& running_mean, Tensor& running_var, const BatchNormParams& params,
                    bool training) {
  const ProfileScope profile("batch_norm");
  if (training) {
    BatchNormResult result =
        batch_norm_train(x.value(), gain.value(), bias.value(), running_mean, running_var, params);
    return record<BatchNormNode>({x, gain, bias}, std::move(result.output), x.value(), gain.value(),
                                 bias.value(), std::move(result.statistics), params.activation,
                                 true);
  }
  Tensor output =
      batch_norm_infer(x.value(), gain.value(), bias.value(), running_mean, running_var, params);
  if (!Node::wanted(std::array{x, gain, bias})) return Variable(std::move(output));
  return record<BatchNormNode>(
      {x, gain, bias}, std::move(output), x.value(), gain.value(), bias.value(),
      frozen_statistics(running_mean, running_var, params.eps), params.activation, false);
}

namespace {

struct GroupNormNode final : Node {
  Saved x, gain;
  std::int64_t groups;
  float eps;

  GroupNormNode(const Tensor& x_in, const Tensor& gain_in, std::int64_t groups_in, float eps_in)
      : x(x_in), gain(gain_in), groups(groups_in), eps(eps_in) {}
  std::string_view name() const override { return "group_norm"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    GroupNormGradients grads = group_norm_backward(grad_output, x.get(), gain.get(), groups, eps);
    return {std::move(grads.x), std::move(grads.gain), std::move(grads.bias)};
  }
};

struct LocalResponseNormNode final : Node {
  Saved x;
  LocalResponseParams params;

  LocalResponseNormNode(const Tensor& x_in, const LocalResponseParams& params_in)
      : x(x_in), params(params_in) {}
  std::string_view name() const override { return "local_response_norm"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {local_response_norm_backward(grad_output, x.get(), params)};
  }
};

}  // namespace

Variable group_norm(const Variable& x, const Variable& gain, const Variable& bias,
                    std::int64_t groups, float eps) {
  const ProfileScope profile("group_norm");
  return record<GroupNormNode>({x, gain, bias},
                               group_norm(x.value(), gain.value(), bias.value(), groups, eps),
                               x.value(), gain.value(), groups, eps);
}

Variable local_response_norm(const Variable& x, const LocalResponseParams& params) {
  const ProfileScope profile("local_response_norm");
  return record<LocalResponseNormNode>({x}, local_response_norm(x.value(), params), x.value(),
                                       params);
}

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
