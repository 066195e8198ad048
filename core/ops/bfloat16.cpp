#include "core/ops/bfloat16.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/half.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

/// The integers of [begin, end), and whether all are exact.
bool write_codes(const float* from, std::int64_t begin, std::int64_t end, float scale,
                 BFloat16* to) {
  constexpr float kLargest = 256.0f;
  // A piece stays in cache between the loops: one that writes 16 bits for 32 and reduces is not vectorized.
  constexpr std::int64_t kPiece = 2048;
  for (std::int64_t piece = begin; piece < end; piece += kPiece) {
    const std::int64_t stop = std::min(piece + kPiece, end);
    int exact = 1;
#pragma omp simd reduction(& : exact)
    for (std::int64_t i = piece; i < stop; ++i) {
      const float code = std::nearbyint(from[i] / scale);
      exact &= static_cast<int>((scale * code == from[i]) & (std::abs(code) <= kLargest));
    }
    if (exact == 0) return false;
#pragma omp simd
    for (std::int64_t i = piece; i < stop; ++i) to[i] = to_bfloat(std::nearbyint(from[i] / scale));
  }
  return true;
}

}  // namespace

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

std::optional<Tensor> codes_to_bfloat16(const Tensor& x, std::span<const float> scale) {
  const auto slices = static_cast<std::int64_t>(scale.size());
  require(slices >= 1 && x.numel() % slices == 0,
          "codes_to_bfloat16: expected one scale, or one for each slice of {}, got {}",
          x.shape().to_string(), scale.size());
  const ProfileScope profile("to_bfloat16");
  Tensor out(x.shape(), DType::bf16);
  const float* from = x.data();
  const float* scales = scale.data();
  BFloat16* to = out.data<BFloat16>();
  const std::int64_t slice = x.numel() / slices;
  std::atomic<bool> exact{true};
  if (slices == 1) {
    parallel_for(slice, kParallelGrain, [=, &exact](std::int64_t begin, std::int64_t end) {
      if (!write_codes(from, begin, end, scales[0], to)) exact = false;
    });
  } else {
    parallel_for(slices, kParallelGrain / std::max<std::int64_t>(slice, 1) + 1,
                 [=, &exact](std::int64_t first, std::int64_t last) {
                   for (std::int64_t s = first; s < last; ++s)
                     if (!write_codes(from, s * slice, (s + 1) * slice, scales[s], to))
                       exact = false;
                 });
  }
  if (!exact) return std::nullopt;
  return out;
}

}  // namespace quench
