#pragma once

#include <algorithm>

#include "core/element_source.h"
#include "core/parallel.h"
#include "core/tensor.h"
#include "support/error.h"

namespace quench {

// Deferred operands are read a piece at a time. Each element depends only on its own index. `omp simd` says so: the loop is vectorized without an
// overlap check, even if input and output are the same buffer.

/// Calls body(begin, end) in parallel, for ranges of at most ElementSource::kPiece elements that cover [0, count).
template <typename Body>
void for_each_piece(std::int64_t count, Body body) {
  parallel_for(count, kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; at += ElementSource::kPiece)
      body(at, std::min(at + ElementSource::kPiece, end));
  });
}

/// out[i] = f(x[i]) on f32 tensors, in one pass at memory speed: `f` is inlined and vectorized.
/// @throws std::invalid_argument  if the shapes differ
template <typename F>
void map_into(const Tensor& x, Tensor& out, F f) {
  require(x.shape() == out.shape(), "map: expected equal shapes, got {} and {}",
          x.shape().to_string(), out.shape().to_string());
  float* o = out.data();
  for_each_piece(x.numel(), [=, &x](std::int64_t begin, std::int64_t end) {
    alignas(64) float buffer[ElementSource::kPiece];
    const float* in = x.read(begin, end, buffer);
    float* to = o + begin;
#pragma omp simd
    for (std::int64_t i = 0; i < end - begin; ++i) to[i] = f(in[i]);
  });
}

/// out[i] = f(x[i])
template <typename F>
Tensor map(const Tensor& x, F f) {
  Tensor out(x.shape());
  map_into(x, out, f);
  return out;
}

/// out[i] = f(a[i], b[i])
/// @throws std::invalid_argument  if the shapes differ
template <typename F>
Tensor zip(const Tensor& a, const Tensor& b, F f) {
  require(a.shape() == b.shape(), "zip: expected equal shapes, got {} and {}",
          a.shape().to_string(), b.shape().to_string());
  Tensor out(a.shape());
  float* o = out.data();
  for_each_piece(a.numel(), [=, &a, &b](std::int64_t begin, std::int64_t end) {
    alignas(64) float first[ElementSource::kPiece], second[ElementSource::kPiece];
    const float* x = a.read(begin, end, first);
    const float* y = b.read(begin, end, second);
    float* to = o + begin;
#pragma omp simd
    for (std::int64_t i = 0; i < end - begin; ++i) to[i] = f(x[i], y[i]);
  });
  return out;
}

/// Whether b is larger than a. A NaN is larger than any number.
inline bool larger_is_second(float a, float b) { return (b > a) | ((b != b) & (a == a)); }

/// Element-wise arithmetic on f32 tensors.
/// @throws std::invalid_argument  if the shapes differ
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
/// The larger or smaller of the two values. If they are equal, a's; if either is NaN, NaN.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
/// a += b; increments a's version.
void add_in_place(Tensor& a, const Tensor& b);

Tensor add_scalar(const Tensor& x, float value);
Tensor multiply_scalar(const Tensor& x, float value);

/// Broadcasts a [C] vector over axis 1 of [N, C] or [N, C, H, W].
/// @throws std::invalid_argument  for other shapes
Tensor add_per_channel(const Tensor& x, const Tensor& channel);
Tensor multiply_per_channel(const Tensor& x, const Tensor& channel);
/// out[o, ...] = x[o, ...] * slice[o]: an [O] vector over axis 0, the output channels of a weight.
/// @throws std::invalid_argument  for other shapes
Tensor multiply_per_slice(const Tensor& x, const Tensor& slice);

/// out[n] = x[n] + image, for x [N, C, H, W] and an image [1, C, H, W], or [N, C] and [1, C].
/// @throws std::invalid_argument  for other shapes
Tensor add_per_place(const Tensor& x, const Tensor& image);

/// out[n, c, y, x] = x[n, c, y, x] * factor[n, c]: the scaling of squeeze-and-excitation (Hu et al.
/// 2018, arXiv:1709.01507, eq. 4).
/// @param x       [N, C, H, W]
/// @param factor  [N, C, 1, 1]
/// @throws std::invalid_argument  for other shapes
Tensor multiply_per_map(const Tensor& x, const Tensor& factor);

/// -1 for x < 0, else +1: sign(0) is +1, because kernels store one bit.
Tensor sign(const Tensor& x);
/// NaN stays NaN. @throws std::invalid_argument  if low > high
Tensor clip(const Tensor& x, float low, float high);
/// To the nearest integer, ties to even.
Tensor round_half_even(const Tensor& x);

}  // namespace quench
