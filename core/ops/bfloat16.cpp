#include "core/ops/bfloat16.h"

#include <vector>

#include "core/half.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
Tensor to_bfloat16(const Tensor& x) {
  const ProfileScope profile("to_bfloat16");
  Tensor out(x.shape(), DType::bf16);
  const float* from = x.data();
  BFloat16* to = out.data<BFloat16>();
  parallel_for(x.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_bfloat(from[i]);
  });
  return out;
}

Tensor to_bfloat16(const Tensor& x, std::span<const float> scale) {
  if (scale.size() == 1 && scale[0] == 1.0f) return to_bfloat16(x);
  require(x.rank() == 2 || x.rank() == 4, "to_bfloat16: expected [N, C] or [N, C, H, W], got {}",
          x.shape().to_string());
  const std::int64_t channels = x.dim(1);
  require(scale.size() == 1 || static_cast<std::int64_t>(scale.size()) == channels,
          "to_bfloat16: expected 1 or {} scales, got {}", channels, scale.size());
  const ProfileScope profile("to_bfloat16");
  // Channels are innermost in memory.
  std::vector<float> factors(scale.begin(), scale.end());
  factors.resize(static_cast<std::size_t>(channels), scale[0]);
  Tensor out(x.shape(), DType::bf16);
  const float* from = x.data();
  const float* factor = factors.data();
  BFloat16* to = out.data<BFloat16>();
  parallel_for(x.numel() / channels, kParallelGrain / channels + 1,
               [=](std::int64_t first, std::int64_t last) {
                 for (std::int64_t row = first; row < last; ++row) {
#pragma omp simd
                   for (std::int64_t c = 0; c < channels; ++c)
                     to[row * channels + c] = to_bfloat(from[row * channels + c] * factor[c]);
                 }
               });
  return out;
}

Tensor to_float32(const Tensor& x) {
  Tensor out(x.shape());
  const BFloat16* from = x.data<BFloat16>();
  float* to = out.data();
  parallel_for(x.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) to[i] = from_bfloat(from[i].bits);
  });
  return out;
}

}  // namespace quench
