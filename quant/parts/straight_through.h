#pragma once

#include <algorithm>
#include <atomic>
#include <limits>

#include "autograd/node.h"
#include "core/parallel.h"

namespace quench::quant {

/// Records `output` on the tape as a function of x with the gradient
///
///   dL/dx = factor * dL/doutput where mask is 1, else 0.
///
/// @param mask  u8 of x's shape; undefined: 1 everywhere. With factor 0, nothing is recorded.
Variable straight_through(const Variable& x, Tensor output, float factor = 1.0f, Tensor mask = {});

/// Where a straight-through gradient passes: low <= x <= high, both ends included; NaN is outside.
struct Window {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

/// straight_through() of output[i] = f(x[i]) with the gradient passing inside `window`, in one pass
/// over x. Saves one byte per element for backward, or nothing if all elements are inside.
template <typename F>
Variable map_straight_through(const Variable& x, Window window, float factor, F f) {
  const Tensor& input = x.value();
  Tensor output(input.shape());
  const float* in = input.data();
  float* out = output.data();
  const bool recorded = factor != 0.0f && Node::wanted({&x, 1});
  if (!recorded) {
    parallel_for(input.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = f(in[i]);
    });
    return Variable(std::move(output));
  }
  constexpr std::int64_t kPiece = 4096;
  Tensor mask(input.shape(), DType::u8);
  std::uint8_t* inside = mask.data<std::uint8_t>();
  std::atomic<bool> all_inside{true};
  parallel_for(input.numel(), kParallelGrain,
               [=, &all_inside](std::int64_t begin, std::int64_t end) {
                 // Copies, because a byte store may alias anything held by reference. Two short
                 // loops over a piece that stays in cache, because one loop over floats and bytes
                 // is not vectorized.
                 const float low = window.low, high = window.high;
                 std::uint8_t all = 1;
                 for (std::int64_t piece = begin; piece < end; piece += kPiece) {
                   const std::int64_t stop = std::min(piece + kPiece, end);
                   const float* __restrict from = in;
                   float* __restrict to = out;
                   std::uint8_t* __restrict passes = inside;
                   for (std::int64_t i = piece; i < stop; ++i) to[i] = f(from[i]);
                   for (std::int64_t i = piece; i < stop; ++i) {
                     passes[i] = static_cast<std::uint8_t>((from[i] >= low) & (from[i] <= high));
                     all &= passes[i];
                   }
                 }
                 if (all == 0) all_inside.store(false, std::memory_order_relaxed);
               });
  if (all_inside) mask = {};
  return straight_through(x, std::move(output), factor, std::move(mask));
}

}  // namespace quench::quant
