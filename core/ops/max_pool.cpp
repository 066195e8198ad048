#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/ops/pool.h"
#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// Whether `value` replaces `best`. A NaN beats numbers and is never beaten.
bool beats(float value, float best) { return (value > best) | (value != value); }

/// The most channels that one call of a kernel below handles. Inside, positions are 32-bit, as wide
/// as the values: a loop that mixes floats and bytes is vectorized for 64 channels at a time, so
/// not at all for 24 channels.
constexpr std::int64_t kBlock = 256;

/// Calls body(first, count) for blocks of channels.
template <typename Body>
void for_each_block(std::int64_t channels, Body body) {
  for (std::int64_t first = 0; first < channels; first += kBlock) {
    body(first, std::min(kBlock, channels - first));
  }
}

/// Positions are stored as bytes if the window is small enough.
template <typename Position>
void narrow(const std::int32_t* positions, std::int64_t count, Position* argmax) {
  for (std::int64_t c = 0; c < count; ++c) argmax[c] = static_cast<Position>(positions[c]);
}

template <typename Position>
void widen(const Position* argmax, std::int64_t count, std::int32_t* positions) {
  for (std::int64_t c = 0; c < count; ++c) positions[c] = argmax[c];
}

/// A 2x2 window whose first pixel is `in`, with `line` floats from one image row to the next.
template <typename Position>
void max_2x2(const float* in, std::int64_t channels, std::int64_t line, std::int64_t count,
             float* out, Position* argmax) {
  alignas(64) std::int32_t positions[kBlock];
#pragma omp simd
  for (std::int64_t c = 0; c < count; ++c) {
    const float v1 = in[channels + c], v2 = in[line + c], v3 = in[line + channels + c];
    float best = in[c];
    std::int32_t position = 0;
    position = beats(v1, best) ? 1 : position;
    best = beats(v1, best) ? v1 : best;
    position = beats(v2, best) ? 2 : position;
    best = beats(v2, best) ? v2 : best;
    position = beats(v3, best) ? 3 : position;
    best = beats(v3, best) ? v3 : best;
    out[c] = best;
    positions[c] = position;
  }
  narrow(positions, count, argmax);
}

/// One output row of 2x2 windows, in memory order: each value is read once, and outputs are never
/// read back.
template <typename Position>
void max_row_2x2(const PoolGeometry& g, const float* row, float* out, Position* argmax) {
  const std::int64_t channels = g.channels;
  for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
    for_each_block(channels, [=, &g](std::int64_t first, std::int64_t count) {
      const std::int64_t at = ox * channels + first;
      max_2x2(row + 2 * ox * channels + first, channels, g.width * channels, count, out + at,
              argmax + at);
    });
  }
}

/// The index of pixel (y, x) in its window.
std::int32_t position_of(const PoolGeometry& g, const WindowView& view, std::int64_t y,
                         std::int64_t x) {
  return static_cast<std::int32_t>((y - view.top) * g.window.kernel[1] + (x - view.left));
}

/// `image`, `out` and `argmax` begin at the first channel of the block.
template <typename Position>
void max_window(const PoolGeometry& g, const WindowView& view, const float* image,
                std::int64_t count, float* out, Position* argmax) {
  alignas(64) std::int32_t positions[kBlock];
  std::fill_n(positions, count, position_of(g, view, view.y0, view.x0));
  std::copy_n(image + (view.y0 * g.width + view.x0) * g.channels, count, out);
  for (std::int64_t y = view.y0; y < view.y1; ++y) {
    for (std::int64_t x = view.x0; x < view.x1; ++x) {
      const float* in = image + (y * g.width + x) * g.channels;
      const std::int32_t position = position_of(g, view, y, x);
#pragma omp simd
      for (std::int64_t c = 0; c < count; ++c) {
        const float value = in[c], best = out[c];
        positions[c] = beats(value, best) ? position : positions[c];
        out[c] = beats(value, best) ? value : best;
      }
    }
  }
  narrow(positions, count, argmax);
}

template <typename Position>
void scatter_2x2(const float* grad, const Position* argmax, std::int64_t channels,
                 std::int64_t line, std::int64_t count, float* out) {
  alignas(64) std::int32_t positions[kBlock];
  widen(argmax, count, positions);
#pragma omp simd
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int32_t position = positions[c];
    const float value = grad[c];
    out[c] = position == 0 ? value : 0.0f;
    out[channels + c] = position == 1 ? value : 0.0f;
    out[line + c] = position == 2 ? value : 0.0f;
    out[line + channels + c] = position == 3 ? value : 0.0f;
  }
}

/// The backward of max_row_2x2: writes each of the two input rows once.
template <typename Position>
void scatter_row_2x2(const PoolGeometry& g, const float* grad, const Position* argmax, float* row) {
  const std::int64_t channels = g.channels;
  for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
    for_each_block(channels, [=, &g](std::int64_t first, std::int64_t count) {
      const std::int64_t at = ox * channels + first;
      scatter_2x2(grad + at, argmax + at, channels, g.width * channels, count,
                  row + 2 * ox * channels + first);
    });
  }
}

/// The backward of max_window.
template <typename Position>
void scatter_window(const PoolGeometry& g, const WindowView& view, const float* grad,
                    const Position* argmax, std::int64_t count, float* image) {
  alignas(64) std::int32_t positions[kBlock];
  widen(argmax, count, positions);
  for (std::int64_t y = view.y0; y < view.y1; ++y) {
    for (std::int64_t x = view.x0; x < view.x1; ++x) {
      float* out = image + (y * g.width + x) * g.channels;
      const std::int32_t position = position_of(g, view, y, x);
#pragma omp simd
      for (std::int64_t c = 0; c < count; ++c) out[c] += positions[c] == position ? grad[c] : 0.0f;
    }
  }
}

template <typename Position>
void take_largest(const PoolGeometry& g, const float* in, float* out, Position* argmax) {
  const std::int64_t line = g.out_width * g.channels;
  parallel_for(g.images * g.out_height, kParallelGrain / std::max<std::int64_t>(line, 1) + 1,
               [=, &g](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t n = row / g.out_height, oy = row % g.out_height;
                   const float* image = in + n * g.image_size();
                   if (g.is_2x2_tiling()) {
                     max_row_2x2(g, image + 2 * oy * g.width * g.channels, out + row * line,
                                 argmax + row * line);
                     continue;
                   }
                   for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
                     const std::int64_t at = row * line + ox * g.channels;
                     const WindowView view(g, oy, ox);
                     for_each_block(g.channels, [&](std::int64_t first, std::int64_t count) {
                       max_window(g, view, image + first, count, out + at + first,
                                  argmax + at + first);
                     });
                   }
                 }
               });
}

template <typename Position>
void scatter(const PoolGeometry& g, const float* grad, const Position* positions, float* out) {
  // Parallel over images: windows in different output rows of one image may share pixels.
  const std::int64_t grain = kParallelGrain / std::max<std::int64_t>(g.image_size(), 1) + 1;
  parallel_for(g.images, grain, [=, &g](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin * g.out_height; row < end * g.out_height; ++row) {
      const std::int64_t n = row / g.out_height, oy = row % g.out_height;
      const std::int64_t from = row * g.out_width * g.channels;
      float* image = out + n * g.image_size();
      if (g.is_2x2_tiling()) {
        scatter_row_2x2(g, grad + from, positions + from, image + 2 * oy * g.width * g.channels);
        continue;
      }
      for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
        const std::int64_t at = from + ox * g.channels;
        const WindowView view(g, oy, ox);
        for_each_block(g.channels, [&](std::int64_t first, std::int64_t count) {
          scatter_window(g, view, grad + at + first, positions + at + first, count, image + first);
        });
      }
    }
  });
}

/// The integer type that can index a window's pixels.
DType position_type(const Window2d& window) {
  const std::int64_t positions = std::int64_t{window.kernel[0]} * window.kernel[1];
  require(positions <= std::numeric_limits<std::int32_t>::max(),
          "max_pool2d: expected a window of fewer than 2^31 pixels, got {}x{}", window.kernel[0],
          window.kernel[1]);
  return positions <= 256 ? DType::u8 : DType::s32;
}

}  // namespace

MaxPoolResult max_pool2d(const Tensor& x, const Window2d& window) {
  const Shape shape = pooled_shape(x.shape(), window);
  MaxPoolResult result{Tensor(shape), Tensor(shape, position_type(window))};
  const PoolGeometry g(x.shape(), shape, window);
  if (result.argmax.dtype() == DType::u8) {
    take_largest(g, x.data(), result.output.data(), result.argmax.data<std::uint8_t>());
  } else {
    take_largest(g, x.data(), result.output.data(), result.argmax.data<std::int32_t>());
  }
  return result;
}

Tensor max_pool2d_backward(const Tensor& grad_output, const Tensor& argmax, const Shape& input,
                           const Window2d& window) {
  const Shape shape = pooled_shape(input, window);
  require(grad_output.shape() == shape && argmax.shape() == shape,
          "max_pool2d: expected gradient and argmax of shape {} for input {}, got {} and {}",
          shape.to_string(), input.to_string(), grad_output.shape().to_string(),
          argmax.shape().to_string());
  const PoolGeometry g(input, shape, window);
  // Tiles that cover the image write every pixel. Otherwise windows overlap, or some pixels lie in
  // no window.
  const bool covered = g.is_2x2_tiling() && g.height % 2 == 0 && g.width % 2 == 0;
  Tensor grad_input = covered ? Tensor(input) : Tensor::zeros(input);
  if (position_type(window) == DType::u8) {
    scatter(g, grad_output.data(), argmax.data<std::uint8_t>(), grad_input.data());
  } else {
    scatter(g, grad_output.data(), argmax.data<std::int32_t>(), grad_input.data());
  }
  return grad_input;
}

}  // namespace quench
