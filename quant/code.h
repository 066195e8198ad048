#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor.h"
#include "quant/grid.h"

namespace quench::quant {

// The arithmetic every quantizer shares, inlined so that a strategy can fuse it with its blend.

/// What the codes of a grid may be once their zero point is taken off.
struct CodeRange {
  float low = -127.0f;
  float high = 127.0f;
};

/// Of the codes of channel `channel`, less their zero point.
CodeRange centered_range(const QuantGrid& grid, std::size_t channel = 0);

/// clip(round_half_even(x / scale), low, high), NaN to 0. The quotient is a true division: a
/// multiplication by the rounded reciprocal lands on the other side of a tie now and then.
inline float integer_code(float x, float scale, CodeRange range) {
  const float quotient = x / scale;
  const float number = quotient == quotient ? quotient : 0.0f;
  const float rounded = std::nearbyint(number);
  const float clipped =
      rounded < range.low ? range.low : (rounded > range.high ? range.high : rounded);
  return clipped + 0.0f;  // -0 becomes +0, as it would on the way through an integer
}

/// -1 for x < 0, else +1, so that 0 (and NaN) fits the one bit a kernel stores.
inline float binary_code(float x) { return x < 0.0f ? -1.0f : 1.0f; }

/// q - zero_point of one number on a grid with one scale, as centered_codes() has it.
float centered_code(float x, const QuantGrid& grid);

/// Calls body(channel, begin, end) on ranges of memory that cover x, each within one of `channels`
/// equal slices along axis 0 (one: the whole tensor). Runs in parallel: `body` must not throw.
template <typename Body>
void for_each_channel(const Tensor& x, std::size_t channels, Body body) {
  const std::int64_t count = x.numel();
  if (channels <= 1) {
    parallel_for(count, kParallelGrain,
                 [&](std::int64_t begin, std::int64_t end) { body(std::size_t{0}, begin, end); });
    return;
  }
  const std::int64_t slice = count / static_cast<std::int64_t>(channels);
  parallel_for(static_cast<std::int64_t>(channels),
               kParallelGrain / std::max<std::int64_t>(slice, 1) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t channel = first; channel < last; ++channel) {
                   body(static_cast<std::size_t>(channel), channel * slice, (channel + 1) * slice);
                 }
               });
}

}  // namespace quench::quant
