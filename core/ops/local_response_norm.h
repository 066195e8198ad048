#pragma once

#include "core/tensor.h"

namespace quench {

/// Local response normalization across channels (Krizhevsky et al. 2012, section 3.3), as ONNX
/// defines it:
///
///   y[c] = x[c] / (bias + alpha / size * sum of x[d]^2)^beta
///
/// over the `size` channels d from c - floor((size - 1) / 2) on, without those outside 0..C-1.
struct LocalResponseParams {
  std::int64_t size = 5;  ///< >= 1
  float alpha = 1e-4f;
  float beta = 0.75f;
  float bias = 1.0f;

  bool operator==(const LocalResponseParams&) const = default;
};

/// @param x  [N, C] or [N, C, H, W]
/// @throws std::invalid_argument  for another rank, or size < 1
Tensor local_response_norm(const Tensor& x, const LocalResponseParams& params);
/// @throws std::invalid_argument  also if the shapes differ
Tensor local_response_norm_backward(const Tensor& grad_output, const Tensor& x,
                                    const LocalResponseParams& params);

}  // namespace quench
