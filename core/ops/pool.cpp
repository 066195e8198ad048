#include "core/ops/pool.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// Calls body(n, oy, ox) for every window, in parallel over images.
template <typename Body>
void for_each_window(const PoolGeometry& g, Body body) {
  const std::int64_t grain = kParallelGrain / std::max<std::int64_t>(g.image_size(), 1) + 1;
  parallel_for(g.images, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t oy = 0; oy < g.out_height; ++oy) {
        for (std::int64_t ox = 0; ox < g.out_width; ++ox) body(n, oy, ox);
      }
    }
  });
}

/// The window that covers a whole image.
Window2d whole_image(const Shape& input) {
  require(input.rank() == 4, "global_avg_pool2d: expected input [N, C, H, W], got {}",
          input.to_string());
  return {{static_cast<int>(input[2]), static_cast<int>(input[3])}, {1, 1}, {}};
}

}  // namespace

Shape pooled_shape(const Shape& x, const Window2d& window) {
  require(x.rank() == 4, "pool2d: expected input [N, C, H, W], got {}", x.to_string());
  const auto [top, left, bottom, right] = window.padding;
  const auto [kernel_h, kernel_w] = window.kernel;
  require(kernel_h >= 1 && kernel_w >= 1 && window.stride[0] >= 1 && window.stride[1] >= 1,
          "pool2d: expected kernel and stride of at least 1, got {}x{} and {}x{}", kernel_h,
          kernel_w, window.stride[0], window.stride[1]);
  require(std::min({top, left, bottom, right}) >= 0 && std::max(top, bottom) < kernel_h &&
              std::max(left, right) < kernel_w,
          "pool2d: expected padding >= 0 and smaller than the kernel {}x{}, got top {}, "
          "left {}, "
          "bottom {}, right {}",
          kernel_h, kernel_w, top, left, bottom, right);
  const std::int64_t height = x[2] + top + bottom, width = x[3] + left + right;
  require(
      x[2] >= 1 && x[3] >= 1 && height >= kernel_h && width >= kernel_w,
      "pool2d: expected a padded image at least as large as the kernel {}x{}, got {}x{} (input {})",
      kernel_h, kernel_w, height, width, x.to_string());
  return {x[0], x[1], (height - kernel_h) / window.stride[0] + 1,
          (width - kernel_w) / window.stride[1] + 1};
}

Tensor avg_pool2d(const Tensor& x, const Window2d& window) {
  Tensor output = Tensor::zeros(pooled_shape(x.shape(), window));
  const PoolGeometry g(x.shape(), output.shape(), window);
  const float* in = x.data();
  float* out = output.data();
  for_each_window(g, [=](std::int64_t n, std::int64_t oy, std::int64_t ox) {
    const std::int64_t channels = g.channels;
    const WindowView view(g, oy, ox);
    float* sum = out + n * g.out_image_size() + (oy * g.out_width + ox) * channels;
    for (std::int64_t y = view.y0; y < view.y1; ++y) {
      for (std::int64_t px = view.x0; px < view.x1; ++px) {
        const float* pixel = in + n * g.image_size() + (y * g.width + px) * channels;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) sum[c] += pixel[c];
      }
    }
    const auto count = static_cast<float>(view.pixels());
    for (std::int64_t c = 0; c < channels; ++c) sum[c] /= count;
  });
  return output;
}

Tensor avg_pool2d_backward(const Tensor& grad_output, const Shape& input, const Window2d& window) {
  const Shape shape = pooled_shape(input, window);
  require(grad_output.shape() == shape,
          "avg_pool2d: expected a gradient of shape {} for input {}, got {}", shape.to_string(),
          input.to_string(), grad_output.shape().to_string());
  Tensor grad_input = Tensor::zeros(input);
  const PoolGeometry g(input, shape, window);
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  for_each_window(g, [=](std::int64_t n, std::int64_t oy, std::int64_t ox) {
    const std::int64_t channels = g.channels;
    const WindowView view(g, oy, ox);
    const float* from = grad + n * g.out_image_size() + (oy * g.out_width + ox) * channels;
    const auto count = static_cast<float>(view.pixels());
    for (std::int64_t y = view.y0; y < view.y1; ++y) {
      for (std::int64_t px = view.x0; px < view.x1; ++px) {
        float* pixel = out + n * g.image_size() + (y * g.width + px) * channels;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) pixel[c] += from[c] / count;
      }
    }
  });
  return grad_input;
}

Tensor global_avg_pool2d(const Tensor& x) {
  return avg_pool2d(x, whole_image(x.shape())).reshape({x.dim(0), x.dim(1)});
}

Tensor global_avg_pool2d_backward(const Tensor& grad_output, const Shape& input) {
  const Window2d window = whole_image(input);
  require(grad_output.shape() == Shape({input[0], input[1]}),
          "global_avg_pool2d: expected a gradient of shape [{}, {}] for input {}, got {}", input[0],
          input[1], input.to_string(), grad_output.shape().to_string());
  return avg_pool2d_backward(grad_output.reshape({input[0], input[1], 1, 1}), input, window);
}

}  // namespace quench
