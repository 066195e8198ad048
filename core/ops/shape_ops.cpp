#include "core/ops/shape_ops.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

void check_axis(const char* op, const Tensor& x, int axis) {
  const bool channels = axis == 1 && (x.rank() == 2 || x.rank() == 4);
  require(channels || (axis == 0 && x.rank() >= 1),
          "{}: expected axis 0, or axis 1 of [N, C] or [N, C, H, W], got axis {} of {}", op, axis,
          x.shape().to_string());
}

/// A matrix of floats whose rows lie `stride` apart.
template <typename T>
struct Rows {
  T* data;
  std::int64_t stride;
};

void copy_rows(Rows<const float> from, Rows<float> to, std::int64_t rows, std::int64_t size) {
  parallel_for(rows, kParallelGrain / std::max<std::int64_t>(size, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   std::copy_n(from.data + row * from.stride, size, to.data + row * to.stride);
                 }
               });
}

/// Along axis 0 a tensor is one row of memory; along axis 1 it has one row per pixel, because
/// channels are last.
std::int64_t row_count(const Tensor& x, int axis) {
  if (axis == 0) return 1;
  return x.rank() == 4 ? x.dim(0) * x.dim(2) * x.dim(3) : x.dim(0);
}

void check(const char* op, const Tensor& x, const Padding& padding) {
  require(x.rank() == 4, "{}: expected [N, C, H, W], got {}", op, x.shape().to_string());
  require(std::min({padding.top, padding.bottom, padding.left, padding.right}) >= 0,
          "{}: expected padding >= 0, got top {}, bottom {}, left {}, right {}", op, padding.top,
          padding.bottom, padding.left, padding.right);
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int axis) {
  require(!parts.empty(), "concat: expected at least one tensor");
  check_axis("concat", parts[0], axis);
  std::int64_t size = 0;
  for (const Tensor& part : parts) {
    require(part.rank() == parts[0].rank() &&
                part.shape().with(axis, 0) == parts[0].shape().with(axis, 0),
            "concat: expected shapes that differ only at axis {}, got {} and {}", axis,
            parts[0].shape().to_string(), part.shape().to_string());
    size += part.dim(axis);
  }
  Tensor out(parts[0].shape().with(axis, size));
  const std::int64_t rows = row_count(out, axis);
  if (out.numel() == 0) return out;
  const std::int64_t out_row = out.numel() / rows;
  float* to = out.data();
  for (const Tensor& part : parts) {
    const std::int64_t row = part.numel() / rows;
    copy_rows({part.data(), row}, {to, out_row}, rows, row);
    to += row;
  }
  return out;
}

std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis) {
  check_axis("split", x, axis);
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) {
    require(size >= 0, "split: expected sizes >= 0, got {}", size);
    total += size;
  }
  require(total == x.dim(axis), "split: expected sizes that add up to {} (axis {} of {}), got {}",
          x.dim(axis), axis, x.shape().to_string(), total);

  std::vector<Tensor> parts;
  parts.reserve(sizes.size());
  std::int64_t begin = 0;
  const std::int64_t rows = row_count(x, axis);
  for (const std::int64_t size : sizes) {
    if (axis == 0) {
      parts.push_back(x.slice(begin, begin + size));
    } else {
      Tensor& part = parts.emplace_back(x.shape().with(axis, size));
      copy_rows({x.data() + begin, x.dim(axis)}, {part.data(), size}, rows, size);
    }
    begin += size;
  }
  return parts;
}

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
