#pragma once

#include <algorithm>
#include <cstdint>

#include "core/ops/window.h"
#include "core/shape.h"

// How windows lie on images, for the pooling sources in core.

namespace quench {

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
