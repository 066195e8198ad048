#include "core/ops/elementwise.h"

#include <algorithm>
#include <cmath>

namespace quench {
namespace {

/// out[i, c] = f(x[i, c], channel[c]) with channels last in memory.
template <typename F>
Tensor zip_per_channel(const Tensor& x, const Tensor& channel, F f) {
  require(x.rank() == 2 || x.rank() == 4, "per_channel: expected [N, C] or [N, C, H, W], got {}",
          x.shape().to_string());
  require(channel.shape() == Shape{x.dim(1)},
          "per_channel: expected [{}] values for input {}, got {}", x.dim(1), x.shape().to_string(),
          channel.shape().to_string());
  const std::int64_t channels = x.dim(1);
  Tensor out(x.shape());
  const float* in = x.data();
  const float* per_channel = channel.data();
  float* o = out.data();
  const std::int64_t rows = channels == 0 ? 0 : x.numel() / channels;
  parallel_for(rows, kParallelGrain / std::max<std::int64_t>(channels, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t at = row * channels;
#pragma omp simd
                   for (std::int64_t c = 0; c < channels; ++c)
                     o[at + c] = f(in[at + c], per_channel[c]);
                 }
               });
  return out;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](float x, float y) { return x + y; });
}
Tensor subtract(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](float x, float y) { return x - y; });
}
Tensor multiply(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](float x, float y) { return x * y; });
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](float x, float y) { return larger_is_second(x, y) ? y : x; });
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](float x, float y) { return larger_is_second(-x, -y) ? y : x; });
}

void add_in_place(Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape(), "add: expected equal shapes, got {} and {}",
          a.shape().to_string(), b.shape().to_string());
  float* x = a.data();
  for_each_piece(a.numel(), [=, &b](std::int64_t begin, std::int64_t end) {
    alignas(64) float buffer[ElementSource::kPiece];
    const float* y = b.read(begin, end, buffer);
    float* to = x + begin;
#pragma omp simd
    for (std::int64_t i = 0; i < end - begin; ++i) to[i] += y[i];
  });
  a.bump_version();
}

Tensor add_scalar(const Tensor& x, float value) {
  return map(x, [value](float v) { return v + value; });
}
Tensor multiply_scalar(const Tensor& x, float value) {
  return map(x, [value](float v) { return v * value; });
}

Tensor add_per_channel(const Tensor& x, const Tensor& channel) {
  return zip_per_channel(x, channel, [](float v, float c) { return v + c; });
}
Tensor multiply_per_channel(const Tensor& x, const Tensor& channel) {
  return zip_per_channel(x, channel, [](float v, float c) { return v * c; });
}

Tensor multiply_per_slice(const Tensor& x, const Tensor& slice) {
  require(x.rank() >= 1 && slice.shape() == Shape{x.dim(0)},
          "multiply_per_slice: expected one factor per entry of axis 0, got {} and {}",
          x.shape().to_string(), slice.shape().to_string());
  Tensor out(x.shape());
  const std::int64_t size = x.numel() / std::max<std::int64_t>(x.dim(0), 1);
  const float* in = x.data();
  const float* factors = slice.data();
  float* to = out.data();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(size, 1) + 1,
               [=](std::int64_t first, std::int64_t last) {
                 for (std::int64_t o = first; o < last; ++o) {
                   for (std::int64_t i = o * size; i < (o + 1) * size; ++i)
                     to[i] = in[i] * factors[o];
                 }
               });
  return out;
}

Tensor add_per_place(const Tensor& x, const Tensor& image) {
  require((x.rank() == 4 || x.rank() == 2) && image.shape() == x.shape().with(0, 1),
          "add_per_place: expected [N, C, H, W] and [1, C, H, W], or [N, C] and [1, C], got {} and "
          "{}",
          x.shape().to_string(), image.shape().to_string());
  Tensor out(x.shape());
  const float *in = x.data(), *pixels = image.data();
  float* o = out.data();
  const std::int64_t size = image.numel();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(size, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t at = begin * size; at < end * size; at += size) {
#pragma omp simd
                   for (std::int64_t i = 0; i < size; ++i) o[at + i] = in[at + i] + pixels[i];
                 }
               });
  return out;
}

Tensor multiply_per_map(const Tensor& x, const Tensor& factor) {
  require(x.rank() == 4 && factor.shape() == Shape{x.dim(0), x.dim(1), 1, 1},
          "multiply_per_map: expected [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          x.shape().to_string(), factor.shape().to_string());
  const std::int64_t channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
  Tensor out(x.shape());
  const float* in = x.data();
  const float* factors = factor.data();
  float* to = out.data();
  parallel_for(x.dim(0) * pixels, kParallelGrain / std::max<std::int64_t>(channels, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t pixel = begin; pixel < end; ++pixel) {
                   const float* of_image = factors + pixel / pixels * channels;
                   const std::int64_t at = pixel * channels;
#pragma omp simd
                   for (std::int64_t c = 0; c < channels; ++c)
                     to[at + c] = in[at + c] * of_image[c];
                 }
               });
  return out;
}

Tensor sign(const Tensor& x) {
  return map(x, [](float v) { return v < 0.0f ? -1.0f : 1.0f; });
}

Tensor clip(const Tensor& x, float low, float high) {
  require(low <= high, "clip: expected low <= high, got {} and {}", low, high);
  // In this order the comparisons compile to max and min instructions, and a NaN passes both.
  return map(x, [low, high](float v) {
    const float raised = v < low ? low : v;
    return raised > high ? high : raised;
  });
}

Tensor round_half_even(const Tensor& x) {
  return map(x, [](float v) { return std::nearbyint(v); });
}

}  // namespace quench
