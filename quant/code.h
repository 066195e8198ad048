#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor.h"
#include "quant/grid.h"

namespace quench::quant {

// Arithmetic shared by all quantizers, inline so that strategies can fuse it into their loops.

/// The range of a grid's codes after subtracting the zero point.
struct CodeRange {
  float low = -127.0f;
  float high = 127.0f;

  bool operator==(const CodeRange&) const = default;
};

/// The range of the codes of channel `channel`, minus its zero point.
CodeRange centered_range(const QuantGrid& grid, std::size_t channel = 0);

/// clip(round_half_even(x / scale), low, high), NaN to 0. Divides instead of multiplying by the
/// reciprocal, which sometimes rounds to the other side of a tie.
inline float integer_code(float x, float scale, CodeRange range) {
  const float quotient = x / scale;
  const float number = quotient == quotient ? quotient : 0.0f;
  const float rounded = std::nearbyint(number);
  const float clipped =
      rounded < range.low ? range.low : (rounded > range.high ? range.high : rounded);
  return clipped + 0.0f;  // -0 becomes +0, as in a conversion to an integer
}

/// x to the nearest value of a grid, for the loops of quant/parts/, which write the value or its code.
struct NearestOnGrid {
  float scale;
  CodeRange range;

  float code(float x) const { return integer_code(x, scale, range); }
  float operator()(float x) const { return scale * code(x); }
  bool operator==(const NearestOnGrid&) const = default;
};

/// -1 for x < 0, else +1: 0 and NaN become +1, because kernels store one bit.
inline float binary_code(float x) { return x < 0.0f ? -1.0f : 1.0f; }

/// q - zero_point of one value on a grid with one scale, as in centered_codes().
float centered_code(float x, const QuantGrid& grid);

/// Calls body(channel, begin, end) on memory ranges that cover x, each within one of `channels`
/// equal slices along axis 0 (1: the whole tensor). Runs in parallel: `body` must not throw.
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
