#include "layers/batch_norm.h"

#include "autograd/activation.h"
#include "autograd/arithmetic.h"
#include "autograd/norm.h"
#include "core/ops/elementwise.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::layers {
namespace {

std::int64_t checked(std::int64_t channels) {
  require(channels >= 1, "batch_norm: expected channels >= 1, got {}", channels);
  return channels;
}

Tensor inverse_sigma(BatchNorm& norm) {
  return frozen_statistics(norm.running_mean(), norm.running_var(), norm.params().eps).inv_std;
}

}  // namespace

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormParams& params)
    : params_(params),
      gain_(register_parameter("weight", Tensor::full({checked(channels)}, 1.0f),
                               ParameterKind::norm)),
      bias_(register_parameter("bias", Tensor::zeros({channels}), ParameterKind::norm)),
      running_mean_(register_buffer("running_mean", Tensor::zeros({channels}))),
      running_var_(register_buffer("running_var", Tensor::full({channels}, 1.0f))) {}

Variable BatchNorm::forward(const Variable& input) {
  if (folded_into_ != nullptr && folded_into_->normalizes())
    return activate(input, params_.activation);
  return batch_norm(input, gain_, bias_, running_mean_, running_var_, params_, training());
}

std::vector<BatchNorm*> batch_norms(Module& network) {
  std::vector<BatchNorm*> result;
  for (const auto& [name, module] : network.modules()) {
    const Layer layer = module->as_layer();
    if (auto* const* norm = std::get_if<BatchNorm*>(&layer)) result.push_back(*norm);
  }
  return result;
}

Variable FoldedBatchNorm::scale() const {
  return multiply(norm_->gain(), Variable(inverse_sigma(*norm_)));
}

Variable FoldedBatchNorm::weight(const Variable& latent) const {
  return multiply_per_slice(latent, scale());
}

Variable FoldedBatchNorm::bias(const Variable& layer_bias) const {
  const Variable mean(norm_->running_mean());
  if (!layer_bias.defined()) return subtract(norm_->bias(), multiply(scale(), mean));
  return add(norm_->bias(), multiply(scale(), subtract(layer_bias, mean)));
}

Variable FoldedBatchNorm::normalize(const Variable& product, const Variable& plain,
                                    const Variable& layer_bias) const {
  // Computed before this batch updates the statistics: the folded weight used the same value.
  Tensor sigma_running = map(inverse_sigma(*norm_), [](float inverse) { return 1.0f / inverse; });
  BatchNormStatistics batch = batch_norm_statistics(plain.value(), norm_->running_mean(),
                                                    norm_->running_var(), norm_->params());
  return folded_batch_norm({product, plain, norm_->gain(), norm_->bias(), layer_bias},
                           std::move(batch), std::move(sigma_running));
}

void FoldedBatchNorm::observe(const Tensor& plain) const {
  batch_norm_statistics(plain, norm_->running_mean(), norm_->running_var(), norm_->params());
}

std::uint64_t FoldedBatchNorm::version() const {
  return norm_->gain().value().version() + norm_->bias().value().version() +
         norm_->running_mean().version() + norm_->running_var().version();
}

}  // namespace quench::layers
