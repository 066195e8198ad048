#include "core/ops/local_response_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

void check(const Tensor& x, const LocalResponseParams& params) {
  require(
      (x.rank() == 2 || x.rank() == 4) && params.size >= 1,
      "local_response_norm: expected [N, C] or [N, C, H, W] and a size of at least 1, got {} and "
      "{}",
      x.shape().to_string(), params.size);
}

/// Calls body(first, row) for each pixel: the index of its first element, and a buffer of one float
/// per channel.
template <typename Body>
void for_each_pixel(const Tensor& x, Body body) {
  const std::int64_t channels = x.dim(1);
  if (x.numel() == 0) return;
  parallel_for(x.numel() / channels, kParallelGrain / channels / 8 + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 std::vector<float> row(static_cast<std::size_t>(channels));
                 for (std::int64_t p = begin; p < end; ++p) body(p * channels, row.data());
               });
}

/// The neighbouring channels of a channel.
class Neighbours {
 public:
  Neighbours(std::int64_t channels, std::int64_t size)
      : channels_(channels), before_((size - 1) / 2), after_(size - 1 - before_) {}

  /// The sum of value(d) over the channels that the normalization of channel c reads.
  template <typename Value>
  float read_by(std::int64_t c, Value value) const {
    return sum(c - before_, c + after_, value);
  }
  /// The same over the channels whose normalization reads channel c.
  template <typename Value>
  float readers_of(std::int64_t c, Value value) const {
    return sum(c - after_, c + before_, value);
  }

 private:
  template <typename Value>
  float sum(std::int64_t first, std::int64_t last, Value value) const {
    float result = 0.0f;
    for (std::int64_t d = std::max<std::int64_t>(first, 0); d <= std::min(last, channels_ - 1); ++d)
      result += value(d);
    return result;
  }
  std::int64_t channels_, before_, after_;
};

/// The denominator before the power, for each channel of a pixel.
void denominators(const float* pixel, std::int64_t channels, const LocalResponseParams& params,
                  float* out) {
  const Neighbours neighbours(channels, params.size);
  const float factor = params.alpha / static_cast<float>(params.size);
  for (std::int64_t c = 0; c < channels; ++c)
    out[c] = params.bias +
             factor * neighbours.read_by(c, [=](std::int64_t d) { return pixel[d] * pixel[d]; });
}

}  // namespace

Tensor local_response_norm(const Tensor& x, const LocalResponseParams& params) {
  check(x, params);
  Tensor out(x.shape());
  const float* in = x.data();
  float* o = out.data();
  const std::int64_t channels = x.dim(1);
  for_each_pixel(x, [=](std::int64_t at, float* sums) {
    denominators(in + at, channels, params, sums);
    for (std::int64_t c = 0; c < channels; ++c)
      o[at + c] = in[at + c] * std::pow(sums[c], -params.beta);
  });
  return out;
}

/// With s the denominators: dx[d] = dy[d] s[d]^-beta
///                                   - 2 alpha beta / size x[d] sum of dy[c] x[c] s[c]^(-beta - 1)
Tensor local_response_norm_backward(const Tensor& grad_output, const Tensor& x,
                                    const LocalResponseParams& params) {
  check(x, params);
  require(grad_output.shape() == x.shape(),
          "local_response_norm: expected a gradient of shape {}, got {}", x.shape().to_string(),
          grad_output.shape().to_string());
  Tensor grad_input(x.shape());
  const float* in = x.data();
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  const std::int64_t channels = x.dim(1);
  const Neighbours neighbours(channels, params.size);
  const float factor = 2.0f * params.alpha * params.beta / static_cast<float>(params.size);
  for_each_pixel(x, [=](std::int64_t at, float* row) {
    const float *pixel = in + at, *dy = grad + at;
    denominators(pixel, channels, params, row);
    for (std::int64_t c = 0; c < channels; ++c) {
      const float power = std::pow(row[c], -params.beta);
      out[at + c] = dy[c] * power;
      row[c] = dy[c] * pixel[c] * power / row[c];
    }
    for (std::int64_t d = 0; d < channels; ++d)
      out[at + d] -=
          factor * pixel[d] * neighbours.readers_of(d, [=](std::int64_t c) { return row[c]; });
  });
  return grad_input;
}

}  // namespace quench
