#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "core/pool_geometry.h"

namespace quench {
namespace {

/// Whether `value` takes the place of `best`. A NaN wins over numbers and is never beaten.
bool beats(float value, float best) { return (value > best) | (value != value); }

/// One output row of 2x2 windows, in memory order: each value is read once and nothing is read
/// back.
void max_row_2x2(const PoolGeometry& g, const float* row, float* out, std::uint8_t* argmax) {
  const std::int64_t channels = g.channels, line = g.width * channels;
  for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
    const float* in = row + 2 * ox * channels;
    float* o = out + ox * channels;
    std::uint8_t* a = argmax + ox * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const float v1 = in[channels + c], v2 = in[line + c], v3 = in[line + channels + c];
      float best = in[c];
      std::int32_t place = 0;
      place = beats(v1, best) ? 1 : place;
      best = beats(v1, best) ? v1 : best;
      place = beats(v2, best) ? 2 : place;
      best = beats(v2, best) ? v2 : best;
      place = beats(v3, best) ? 3 : place;
      best = beats(v3, best) ? v3 : best;
      o[c] = best;
      a[c] = static_cast<std::uint8_t>(place);
    }
  }
}

void max_window(const PoolGeometry& g, const WindowView& view, const float* image, float* out,
                std::uint8_t* argmax) {
  const std::int64_t channels = g.channels;
  bool first = true;
  for (std::int64_t y = view.y0; y < view.y1; ++y) {
    for (std::int64_t x = view.x0; x < view.x1; ++x) {
      const float* in = image + (y * g.width + x) * channels;
      const auto place =
          static_cast<std::uint8_t>((y - view.top) * g.window.kernel[1] + (x - view.left));
      if (first) {
        std::copy_n(in, channels, out);
        std::fill_n(argmax, channels, place);
        first = false;
        continue;
      }
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) {
        const bool wins = beats(in[c], out[c]);
        out[c] = wins ? in[c] : out[c];
        argmax[c] = wins ? place : argmax[c];
      }
    }
  }
}

/// The backward of max_row_2x2: writes both input rows, once each.
void scatter_row_2x2(const PoolGeometry& g, const float* grad, const std::uint8_t* argmax,
                     float* row) {
  const std::int64_t channels = g.channels, line = g.width * channels;
  for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
    const float* in = grad + ox * channels;
    const std::uint8_t* a = argmax + ox * channels;
    float* out = row + 2 * ox * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int32_t place = a[c];
      const float value = in[c];
      out[c] = place == 0 ? value : 0.0f;
      out[channels + c] = place == 1 ? value : 0.0f;
      out[line + c] = place == 2 ? value : 0.0f;
      out[line + channels + c] = place == 3 ? value : 0.0f;
    }
  }
}

void scatter_window(const PoolGeometry& g, const WindowView& view, const float* grad,
                    const std::uint8_t* argmax, float* image) {
  const std::int64_t channels = g.channels;
  for (std::int64_t y = view.y0; y < view.y1; ++y) {
    for (std::int64_t x = view.x0; x < view.x1; ++x) {
      float* out = image + (y * g.width + x) * channels;
      const auto place =
          static_cast<std::int32_t>((y - view.top) * g.window.kernel[1] + (x - view.left));
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) out[c] += argmax[c] == place ? grad[c] : 0.0f;
    }
  }
}

}  // namespace

MaxPoolResult max_pool2d(const Tensor& x, const Window2d& window) {
  const Shape shape = pooled_shape(x.shape(), window);
  require(std::int64_t{window.kernel[0]} * window.kernel[1] <= 256,
          "max_pool2d: expected a window of at most 256 places, got {}x{}", window.kernel[0],
          window.kernel[1]);
  MaxPoolResult result{Tensor(shape), Tensor(shape, DType::u8)};
  const PoolGeometry g(x.shape(), shape, window);
  const float* in = x.data();
  float* out = result.output.data();
  auto* argmax = result.argmax.data<std::uint8_t>();
  const std::int64_t line = g.out_width * g.channels;
  parallel_for(g.images * g.out_height, kParallelGrain / std::max<std::int64_t>(line, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
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
                     max_window(g, WindowView(g, oy, ox), image, out + at, argmax + at);
                   }
                 }
               });
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
  // Tiles that cover the image write all of it; otherwise windows overlap, or pixels lie in none.
  const bool covered = g.is_2x2_tiling() && g.height % 2 == 0 && g.width % 2 == 0;
  Tensor grad_input = covered ? Tensor(input) : Tensor::zeros(input);
  const float* grad = grad_output.data();
  const auto* places = argmax.data<std::uint8_t>();
  float* out = grad_input.data();
  // By image: the rows of one image may share pixels.
  const std::int64_t grain = kParallelGrain / std::max<std::int64_t>(g.image_size(), 1) + 1;
  parallel_for(g.images, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin * g.out_height; row < end * g.out_height; ++row) {
      const std::int64_t n = row / g.out_height, oy = row % g.out_height;
      const std::int64_t from = row * g.out_width * g.channels;
      float* image = out + n * g.image_size();
      if (g.is_2x2_tiling()) {
        scatter_row_2x2(g, grad + from, places + from, image + 2 * oy * g.width * g.channels);
        continue;
      }
      for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
        const std::int64_t at = from + ox * g.channels;
        scatter_window(g, WindowView(g, oy, ox), grad + at, places + at, image);
      }
    }
  });
  return grad_input;
}

}  // namespace quench
