#include "core/ops/feature_map.h"

#include <vector>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {

Tensor multiply_per_map(const Tensor& x, const Tensor& factor) {
  require(x.rank() == 4 && factor.shape() == Shape{x.dim(0), x.dim(1), 1, 1},
          "multiply_per_map: expected [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          x.shape().to_string(), factor.shape().to_string());
  const std::int64_t channels = x.dim(1), places = x.dim(2) * x.dim(3);
  Tensor out(x.shape());
  const float* in = x.data();
  const float* factors = factor.data();
  float* to = out.data();
  parallel_for(x.dim(0) * places, kParallelGrain / std::max<std::int64_t>(channels, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t pixel = begin; pixel < end; ++pixel) {
                   const float* of_image = factors + pixel / places * channels;
                   const std::int64_t at = pixel * channels;
#pragma omp simd
                   for (std::int64_t c = 0; c < channels; ++c)
                     to[at + c] = in[at + c] * of_image[c];
                 }
               });
  return out;
}

Tensor sum_per_map(const Tensor& x) {
  require(x.rank() == 4, "sum_per_map: expected [N, C, H, W], got {}", x.shape().to_string());
  const std::int64_t channels = x.dim(1), places = x.dim(2) * x.dim(3);
  Tensor out({x.dim(0), channels, 1, 1});
  const float* in = x.data();
  float* to = out.data();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(channels * places, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 std::vector<double> sums(static_cast<std::size_t>(channels));
                 for (std::int64_t n = begin; n < end; ++n) {
                   std::ranges::fill(sums, 0.0);
                   const float* image = in + n * places * channels;
                   for (std::int64_t i = 0; i < places; ++i)
                     for (std::int64_t c = 0; c < channels; ++c)
                       sums[static_cast<std::size_t>(c)] +=
                           static_cast<double>(image[i * channels + c]);
                   for (std::int64_t c = 0; c < channels; ++c)
                     to[n * channels + c] = static_cast<float>(sums[static_cast<std::size_t>(c)]);
                 }
               });
  return out;
}

}  // namespace quench
