#include "layers/batch_norm.h"

#include "autograd/activation.h"
#include "autograd/norm.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench {
namespace {

std::int64_t checked(std::int64_t channels) {
  require(channels >= 1, "batch_norm: expected channels >= 1, got {}", channels);
  return channels;
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

}  // namespace quench
