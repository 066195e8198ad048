#include "layers/folded_batch_norm.h"

#include "autograd/arithmetic.h"
#include "autograd/norm.h"
#include "core/ops/elementwise.h"

namespace quench {
namespace {

Tensor inverse_sigma(BatchNorm& norm) {
  return frozen_statistics(norm.running_mean(), norm.running_var(), norm.params().eps).inv_std;
}

}  // namespace

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
  // Before this batch counts in it: the folded weight was made with the same.
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

}  // namespace quench
