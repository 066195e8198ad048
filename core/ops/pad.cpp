#include "core/ops/pad.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

void check(const char* op, const Tensor& x, const Padding& padding) {
  require(x.rank() == 4, "{}: expected [N, C, H, W], got {}", op, x.shape().to_string());
  require(std::min({padding.top, padding.bottom, padding.left, padding.right}) >= 0,
          "{}: expected padding >= 0, got top {}, bottom {}, left {}, right {}", op, padding.top,
          padding.bottom, padding.left, padding.right);
}

}  // namespace

Tensor pad(const Tensor& x, const Padding& padding, float value) {
  check("pad", x, padding);
  const std::int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  Tensor out({x.dim(0), channels, padding.top + height + padding.bottom,
              padding.left + width + padding.right});
  const float* in = x.data();
  float* o = out.data();
  const std::int64_t out_height = out.dim(2), out_row = out.dim(3) * channels;
  parallel_for(x.dim(0) * out_height, kParallelGrain / std::max<std::int64_t>(out_row, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   float* to = o + row * out_row;
                   const std::int64_t y = row % out_height - padding.top;
                   if (y < 0 || y >= height) {
                     std::fill_n(to, out_row, value);
                     continue;
                   }
                   const std::int64_t from = (row / out_height * height + y) * width * channels;
                   to = std::fill_n(to, padding.left * channels, value);
                   to = std::copy_n(in + from, width * channels, to);
                   std::fill_n(to, padding.right * channels, value);
                 }
               });
  return out;
}

Tensor crop(const Tensor& x, const Padding& padding) {
  check("crop", x, padding);
  const std::int64_t channels = x.dim(1);
  const std::int64_t height = x.dim(2) - padding.top - padding.bottom;
  const std::int64_t width = x.dim(3) - padding.left - padding.right;
  require(height >= 0 && width >= 0, "crop: expected padding inside {}, got [{}, {}] remaining",
          x.shape().to_string(), height, width);
  Tensor out({x.dim(0), channels, height, width});
  const float* in = x.data();
  float* o = out.data();
  const std::int64_t in_height = x.dim(2), in_row = x.dim(3) * channels,
                     row_size = width * channels;
  parallel_for(x.dim(0) * height, kParallelGrain / std::max<std::int64_t>(row_size, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t in_y = row / height * in_height + row % height + padding.top;
                   std::copy_n(in + in_y * in_row + padding.left * channels, row_size,
                               o + row * row_size);
                 }
               });
  return out;
}

}  // namespace quench
