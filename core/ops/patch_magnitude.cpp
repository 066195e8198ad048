#include "core/ops/patch_magnitude.h"

#include <cmath>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// Mean of |x| over the innermost dimension of memory, the channels.
Tensor mean_over_channels(const Tensor& x) {
  const std::int64_t channels = x.dim(1);
  Tensor means(x.shape().with(1, 1));
  const float* from = x.data();
  float* to = means.data();
  parallel_for(means.numel(), kParallelGrain / channels + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   double sum = 0.0;
                   for (std::int64_t c = 0; c < channels; ++c)
                     sum += std::abs(double{from[row * channels + c]});
                   to[row] = static_cast<float>(sum / static_cast<double>(channels));
                 }
               });
  return means;
}

}  // namespace

Tensor patch_magnitude(const Tensor& input, std::array<int, 2> kernel, const Conv2dParams& params) {
  require(input.rank() == 4, "patch_magnitude: expected an input [N, C, H, W], got {}",
          input.shape().to_string());
  const Conv2dParams single{
      .stride = params.stride, .padding = params.padding, .dilation = params.dilation};
  const Shape filter{1, 1, kernel[0], kernel[1]};
  Tensor result(conv2d_output_shape(input.shape().with(1, 1), filter, single));

  const Tensor means = mean_over_channels(input);
  const float* from = means.data();
  float* to = result.data();
  const std::int64_t height = input.dim(2), width = input.dim(3);
  const std::int64_t out_height = result.dim(2), out_width = result.dim(3);
  const auto taps = static_cast<double>(kernel[0]) * static_cast<double>(kernel[1]);
  const auto patch = [=](std::int64_t image, std::int64_t top, std::int64_t left) {
    double sum = 0.0;
    for (int ky = 0; ky < kernel[0]; ++ky) {
      const std::int64_t y = top + ky * single.dilation[0];
      if (y < 0 || y >= height) continue;
      for (int kx = 0; kx < kernel[1]; ++kx) {
        const std::int64_t x = left + kx * single.dilation[1];
        if (x >= 0 && x < width) sum += double{from[(image * height + y) * width + x]};
      }
    }
    return static_cast<float>(sum / taps);
  };
  parallel_for(result.dim(0) * out_height, 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t top = row % out_height * single.stride[0] - single.padding.top;
      for (std::int64_t ox = 0; ox < out_width; ++ox) {
        to[row * out_width + ox] =
            patch(row / out_height, top, ox * single.stride[1] - single.padding.left);
      }
    }
  });
  return result;
}

Tensor row_magnitude(const Tensor& input) {
  require(input.rank() == 2 && input.dim(1) > 0,
          "row_magnitude: expected an input [N, I] with I >= 1, got {}", input.shape().to_string());
  return mean_over_channels(input);
}

Tensor multiply_across_channels(const Tensor& x, const Tensor& factor) {
  const bool fits = (x.rank() == 2 || x.rank() == 4) && factor.shape() == x.shape().with(1, 1);
  require(fits,
          "multiply_across_channels: expected [N, C, H, W] and [N, 1, H, W], or [N, C] and [N, 1], "
          "got {} and {}",
          x.shape().to_string(), factor.shape().to_string());
  Tensor out(x.shape());
  const std::int64_t channels = x.dim(1);
  const float* from = x.data();
  const float* by = factor.data();
  float* to = out.data();
  parallel_for(factor.numel(), kParallelGrain / std::max<std::int64_t>(channels, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const float scale = by[row];
                   for (std::int64_t i = row * channels; i < (row + 1) * channels; ++i)
                     to[i] = from[i] * scale;
                 }
               });
  return out;
}

}  // namespace quench
