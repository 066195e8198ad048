#pragma once

#include <algorithm>
#include <cstdint>

#include "core/ops/window.h"
#include "core/shape.h"
#include "core/tensor.h"

// The geometry of pooling windows. Private to core/.

namespace quench {

/// The output shape of pooling with `window`: floor((H + top + bottom - KH) / stride) + 1 rows, and
/// likewise columns. Padding must be smaller than the kernel on each side, so that no window covers
/// only padding.
/// @param x  [N, C, H, W]
/// @throws std::invalid_argument  for another rank, sizes below 1, padding not as above or a kernel
///                                larger than the padded image
Shape pooled_shape(const Shape& x, const Window2d& window);

/// The pooled image, and the positions that max_pool2d_backward() needs.
struct MaxPoolResult {
  Tensor output;  ///< [N, C, OH, OW]
  /// Same shape: the maximum's position ky * KW + kx in its window; u8, or s32 for more than 256
  /// pixels.
  Tensor argmax;
};

/// The largest value of each window: the first of equal values; a NaN beats any number. Padding
/// never wins.
/// @throws std::invalid_argument  as pooled_shape
MaxPoolResult max_pool2d(const Tensor& x, const Window2d& window);
/// Sends each gradient to its maximum's position; needs neither x nor the output.
/// @param input  the shape of x
Tensor max_pool2d_backward(const Tensor& grad_output, const Tensor& argmax, const Shape& input,
                           const Window2d& window);

/// The mean of each window over the pixels inside the image; padding does not count.
/// @throws std::invalid_argument  as pooled_shape
Tensor avg_pool2d(const Tensor& x, const Window2d& window);
Tensor avg_pool2d_backward(const Tensor& grad_output, const Shape& input, const Window2d& window);

/// The mean over height and width: [N, C, H, W] to [N, C].
Tensor global_avg_pool2d(const Tensor& x);
Tensor global_avg_pool2d_backward(const Tensor& grad_output, const Shape& input);

/// Sizes of one pooling, in pixels; images lie in memory as [N, H, W, C].
struct PoolGeometry {
  std::int64_t images, channels, height, width, out_height, out_width;
  Window2d window;

  PoolGeometry(const Shape& input, const Shape& output, const Window2d& window_in)
      : images(input[0]),
        channels(input[1]),
        height(input[2]),
        width(input[3]),
        out_height(output[2]),
        out_width(output[3]),
        window(window_in) {}

  std::int64_t image_size() const { return height * width * channels; }
  std::int64_t out_image_size() const { return out_height * out_width * channels; }
  /// 2x2 windows side by side, the usual case: each pixel is in at most one of them.
  bool is_2x2_tiling() const { return window == Window2d{{2, 2}, {2, 2}, {}}; }
};

/// The part of one window that lies in the image: rows [y0, y1), columns [x0, x1). Never empty.
struct WindowView {
  std::int64_t y0, y1, x0, x1;
  std::int64_t top, left;  // of the whole window; negative in padding

  WindowView(const PoolGeometry& g, std::int64_t oy, std::int64_t ox)
      : top(oy * g.window.stride[0] - g.window.padding.top),
        left(ox * g.window.stride[1] - g.window.padding.left) {
    y0 = std::max<std::int64_t>(top, 0);
    x0 = std::max<std::int64_t>(left, 0);
    y1 = std::min(top + g.window.kernel[0], g.height);
    x1 = std::min(left + g.window.kernel[1], g.width);
  }
  std::int64_t pixels() const { return (y1 - y0) * (x1 - x0); }
};

}  // namespace quench
