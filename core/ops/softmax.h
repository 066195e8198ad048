#pragma once

#include "core/tensor.h"

namespace quench {

/// exp(x[n, c]) / sum_k exp(x[n, k]), with the row's maximum subtracted first so that nothing
/// overflows. A row with a NaN becomes NaN.
/// @param x  [N, C]
/// @throws std::invalid_argument  for another rank
Tensor softmax(const Tensor& x);
/// log(softmax(x)), accurate even where the probability underflows to 0.
Tensor log_softmax(const Tensor& x);

/// dL/dx[c] = y[c] * (g[c] - sum_k g[k] y[k]) from the output y.
Tensor softmax_backward(const Tensor& grad_output, const Tensor& output);
/// dL/dx[c] = g[c] - exp(y[c]) * sum_k g[k] from the output y.
Tensor log_softmax_backward(const Tensor& grad_output, const Tensor& output);

}  // namespace quench
