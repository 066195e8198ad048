#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace quench {

struct AdamOptions {
  float beta1 = 0.9f;            ///< decay of the mean gradient, in [0, 1)
  float beta2 = 0.999f;          ///< decay of the mean squared gradient, in [0, 1)
  float eps = 1e-8f;             ///< >= 0
  float coupled_decay = 0.0f;    ///< times w, added to the gradient
  float decoupled_decay = 0.0f;  ///< times w, added to the step
};

/// Update t of a tensor by Adam (Kingma & Ba 2015, arXiv:1412.6980) in the form of torch.optim.Adam:
///
///   m <- beta1 m + (1 - beta1) g
///   v <- beta2 v + (1 - beta2) g^2
///   w <- w - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
///
/// The result does not depend on the number of threads. The version of `w` stays.
///
/// @param grad, mean, mean_square  of the shape of w; the last two are 0 before the first update
/// @param t                        from 1
void adam_update(Tensor& w, const Tensor& grad, Tensor& mean, Tensor& mean_square, std::int64_t t,
                 float rate, const AdamOptions& options);

}  // namespace quench
