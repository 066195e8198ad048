#include "core/ops/bfloat16.h"

#include <vector>

#include "core/half.h"
#include "core/ops/channel_loop.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {

Tensor to_bfloat16(const Tensor& x) {
  const ProfileScope profile("to_bfloat16");
  Tensor out(x.shape(), DType::bf16);
  BFloat16* to = out.data<BFloat16>();
  for_each_piece(x.numel(), [=, &x](std::int64_t begin, std::int64_t end) {
    alignas(64) float buffer[ElementSource::kPiece];
    const float* from = x.read(begin, end, buffer);
    BFloat16* piece = to + begin;
#pragma omp simd
    for (std::int64_t i = 0; i < end - begin; ++i) piece[i] = to_bfloat(from[i]);
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
  const ChannelLoop loop(x);
  const std::vector<float> factors = loop.line(
      [&](std::int64_t c) { return scale[scale.size() == 1 ? 0 : static_cast<std::size_t>(c)]; });
  Tensor out(x.shape(), DType::bf16);
  BFloat16* to = out.data<BFloat16>();
  for_each_piece(x.numel(),
                 [=, &x, &loop, factor = factors.data()](std::int64_t begin, std::int64_t end) {
                   alignas(64) float buffer[ElementSource::kPiece];
                   const float* from = x.read(begin, end, buffer);
                   loop.for_range(begin, end, [=](std::int64_t i, std::int64_t c) {
                     to[i] = to_bfloat(from[i - begin] * factor[c]);
                   });
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
