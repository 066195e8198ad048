#include "core/ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// Calls body(in, other, out, classes) for every row; `other` is x itself for a forward pass.
template <typename Body>
Tensor by_rows(const Tensor& x, const Tensor& other, std::string_view name, Body body) {
  require(x.rank() == 2, "{}: expected input [N, C], got {}", name, x.shape().to_string());
  require(x.shape() == other.shape(), "{}: expected a gradient of shape {}, got {}", name,
          other.shape().to_string(), x.shape().to_string());
  Tensor output(x.shape());
  const std::int64_t classes = x.dim(1);
  const float* in = x.data();
  const float* second = other.data();
  float* out = output.data();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(classes, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t at = begin * classes; at < end * classes; at += classes) {
                   body(in + at, second + at, out + at, classes);
                 }
               });
  return output;
}

/// This may miss a NaN, but the sum of exponentials will not.
float maximum(const float* x, std::int64_t count) {
  float best = x[0];
  for (std::int64_t i = 1; i < count; ++i) best = std::max(best, x[i]);
  return best;
}

}  // namespace

Tensor softmax(const Tensor& x) {
  return by_rows(x, x, "softmax",
                 [](const float* in, const float*, float* out, std::int64_t classes) {
                   const float top = maximum(in, classes);
                   double sum = 0.0;
                   for (std::int64_t c = 0; c < classes; ++c) {
                     out[c] = std::exp(in[c] - top);
                     sum += static_cast<double>(out[c]);
                   }
                   const auto inverse = static_cast<float>(1.0 / sum);
                   for (std::int64_t c = 0; c < classes; ++c) out[c] *= inverse;
                 });
}

Tensor log_softmax(const Tensor& x) {
  return by_rows(x, x, "log_softmax",
                 [](const float* in, const float*, float* out, std::int64_t classes) {
                   const float top = maximum(in, classes);
                   double sum = 0.0;
                   for (std::int64_t c = 0; c < classes; ++c)
                     sum += static_cast<double>(std::exp(in[c] - top));
                   const auto log_sum = static_cast<float>(std::log(sum));
                   for (std::int64_t c = 0; c < classes; ++c) out[c] = in[c] - top - log_sum;
                 });
}

Tensor softmax_backward(const Tensor& grad_output, const Tensor& output) {
  return by_rows(grad_output, output, "softmax",
                 [](const float* grad, const float* y, float* out, std::int64_t classes) {
                   double dot = 0.0;
                   for (std::int64_t c = 0; c < classes; ++c) {
                     dot += static_cast<double>(grad[c]) * static_cast<double>(y[c]);
                   }
                   const auto mean = static_cast<float>(dot);
                   for (std::int64_t c = 0; c < classes; ++c) out[c] = y[c] * (grad[c] - mean);
                 });
}

Tensor log_softmax_backward(const Tensor& grad_output, const Tensor& output) {
  return by_rows(grad_output, output, "log_softmax",
                 [](const float* grad, const float* y, float* out, std::int64_t classes) {
                   double total = 0.0;
                   for (std::int64_t c = 0; c < classes; ++c) total += static_cast<double>(grad[c]);
                   const auto sum = static_cast<float>(total);
                   for (std::int64_t c = 0; c < classes; ++c)
                     out[c] = grad[c] - std::exp(y[c]) * sum;
                 });
}

}  // namespace quench
