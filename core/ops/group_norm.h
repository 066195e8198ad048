#pragma once

#include "core/tensor.h"

namespace quench {

/// Group normalization (Wu & He 2018, arXiv:1803.08494) of [N, C] or [N, C, H, W]:
///
///   y = gain[c] (x - mean) / sqrt(variance + eps) + bias[c]
///
/// with the mean and variance of each image over C / groups channels and all pixels, accumulated in
/// double. One group per channel is instance normalization (Ulyanov et al. 2016, arXiv:1607.08022).
/// @param gain, bias  [C]
/// @throws std::invalid_argument  for other shapes, or if groups does not divide C
Tensor group_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, std::int64_t groups,
                  float eps);

struct GroupNormGradients {
  Tensor x, gain, bias;
};
GroupNormGradients group_norm_backward(const Tensor& grad_output, const Tensor& x,
                                       const Tensor& gain, std::int64_t groups, float eps);

}  // namespace quench
