#include "layers/normalization.h"

#include "autograd/norm.h"
#include "autograd/shape_ops.h"
#include "support/error.h"

namespace quench::layers {

GroupNorm::GroupNorm(const Options& options)
    : options_(options),
      gain_(
          register_parameter("gain", Tensor::full({options.channels}, 1.0f), ParameterKind::norm)),
      bias_(register_parameter("bias", Tensor::zeros({options.channels}), ParameterKind::norm)) {
  const bool fits = options.over == Over::image || options.groups == 1;
  require(fits && options.channels >= 1 && options.groups >= 1 &&
              options.channels % options.groups == 0 && options.eps >= 0.0f,
          "group_norm: expected groups that divide the channels and eps >= 0, got {}, {} and {}",
          options.groups, options.channels, options.eps);
}

Variable GroupNorm::forward(const Variable& input) {
  const Shape shape = input.shape();
  const auto& [channels, groups, eps, over] = options_;
  if (over == Over::image || shape.rank() == 2) return group_norm(input, gain_, bias_, groups, eps);
  // Channels are last in memory, so pixels are the rows of a matrix.
  const Variable pixels = reshape(input, {shape.numel() / channels, channels});
  return reshape(group_norm(pixels, gain_, bias_, groups, eps), shape);
}

LocalResponseNorm::LocalResponseNorm(const LocalResponseParams& params) : params_(params) {
  require(params.size >= 1, "local_response_norm: expected a size of at least 1, got {}",
          params.size);
}

Variable LocalResponseNorm::forward(const Variable& input) {
  return local_response_norm(input, params_);
}

}  // namespace quench::layers
