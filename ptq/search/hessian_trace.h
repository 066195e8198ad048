#pragma once

#include <functional>

#include "autograd/variable.h"
#include "core/random.h"

namespace quench::ptq {

/// The gradient of a loss with respect to one weight, at the value that the weight has.
using WeightGradient = std::function<Tensor()>;

/// z^T H z of the loss's Hessian H in `weight`, by central differences of the gradient:
/// z^T (g(w + e z) - g(w - e z)) / (2 e) with e = 1e-3 times the weight's root mean square (1e-3 of a weight
/// of zeros). The weight has its own values again afterwards.
/// @param z  of the weight's shape
double curvature(const WeightGradient& gradient, Variable weight, const Tensor& z);

struct TraceEstimate {
  double trace = 0.0;
  double standard_error = 0.0;
  int samples = 0;
};

/// When an estimate has enough samples.
struct TraceStop {
  int least = 50;
  int most = 100;
  double relative_error = 0.05;  ///< standard error / |mean|
};

/// The trace of H as the mean of curvature() over random signs z (Hutchinson 1990): E z^T H z = trace(H).
/// @param random  of which sample i draws from fork i
/// @throws std::invalid_argument  if a sample is not finite
TraceEstimate hessian_trace(const WeightGradient& gradient, const Variable& weight,
                            const Random& random, const TraceStop& stop = {});

}  // namespace quench::ptq
