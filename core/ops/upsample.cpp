#include "core/ops/upsample.h"

#include <algorithm>
#include <vector>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

void check(const Tensor& x, std::array<int, 2> factor) {
  require(x.rank() == 4 && factor[0] >= 1 && factor[1] >= 1,
          "upsample: expected [N, C, H, W] and factors of at least 1, got {}, {} and {}",
          x.shape().to_string(), factor[0], factor[1]);
}

}  // namespace

Tensor upsample(const Tensor& x, std::array<int, 2> factor) {
  check(x, factor);
  const std::int64_t channels = x.dim(1), width = x.dim(3);
  const std::int64_t rows = factor[0], columns = factor[1];
  Tensor out({x.dim(0), channels, x.dim(2) * rows, width * columns});
  const float* in = x.data();
  float* o = out.data();
  const std::int64_t out_row = width * columns * channels;
  parallel_for(out.dim(0) * out.dim(2), kParallelGrain / std::max<std::int64_t>(out_row, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 // Images are contiguous, so row / factor is the source row.
                 for (std::int64_t row = begin; row < end; ++row) {
                   const float* pixel = in + row / rows * width * channels;
                   float* to = o + row * out_row;
                   for (std::int64_t px = 0; px < width; ++px, pixel += channels)
                     for (std::int64_t k = 0; k < columns; ++k)
                       to = std::copy_n(pixel, channels, to);
                 }
               });
  return out;
}

Tensor upsample_backward(const Tensor& grad_output, std::array<int, 2> factor) {
  check(grad_output, factor);
  const std::int64_t rows = factor[0], columns = factor[1];
  require(grad_output.dim(2) % rows == 0 && grad_output.dim(3) % columns == 0,
          "upsample: expected a gradient with height and width divisible by {} and {}, got {}",
          rows, columns, grad_output.shape().to_string());
  const std::int64_t channels = grad_output.dim(1), width = grad_output.dim(3) / columns;
  Tensor out({grad_output.dim(0), channels, grad_output.dim(2) / rows, width});
  const float* grad = grad_output.data();
  float* o = out.data();
  const std::int64_t grad_row = width * columns * channels;
  parallel_for(out.numel() / std::max<std::int64_t>(channels, 1),
               kParallelGrain / std::max<std::int64_t>(channels * rows * columns, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 std::vector<double> sums(static_cast<std::size_t>(channels));
                 for (std::int64_t pixel = begin; pixel < end; ++pixel) {
                   std::ranges::fill(sums, 0.0);
                   const std::int64_t row = pixel / width * rows, column = pixel % width * columns;
                   for (std::int64_t k = 0; k < rows * columns; ++k) {
                     const float* from =
                         grad + (row + k / columns) * grad_row + (column + k % columns) * channels;
                     for (std::int64_t c = 0; c < channels; ++c)
                       sums[static_cast<std::size_t>(c)] += static_cast<double>(from[c]);
                   }
                   for (std::int64_t c = 0; c < channels; ++c)
                     o[pixel * channels + c] =
                         static_cast<float>(sums[static_cast<std::size_t>(c)]);
                 }
               });
  return out;
}

}  // namespace quench
