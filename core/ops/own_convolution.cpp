#include "core/ops/own_convolution.h"

#include <algorithm>
#include <vector>

#include "core/onednn/library.h"
#include "core/onednn/sgemm.h"
#include "core/parallel.h"

namespace quench {
namespace {

/// Sizes of one convolution; images lie in memory as [N, H, W, C].
struct Geometry {
  std::int64_t images, channels, height, width, out_height, out_width, kernel_height;
  std::int64_t stride_y, stride_x, top, left;

  Geometry(const Shape& input, const Shape& output, const Shape& weight, const Conv2dParams& params)
      : images(input[0]),
        channels(input[1]),
        height(input[2]),
        width(input[3]),
        out_height(output[2]),
        out_width(output[3]),
        kernel_height(weight[2]),
        stride_y(params.stride[0]),
        stride_x(params.stride[1]),
        top(params.padding.top),
        left(params.padding.left) {}
};

/// Adds the products of one gradient row and one image row to sums[kx, c], for `Lanes` adjacent
/// channels, whose sums stay in registers.
template <int Taps, int Lanes>
void add_row(const Geometry& g, const float* image_row, const float* grad_row, float* sums) {
  const std::int64_t channels = g.channels;
  float acc[Taps][Lanes] = {};
  const auto add = [&](std::int64_t ox, int kx_begin, int kx_end) {
    const float* grad = grad_row + ox * channels;
    const float* pixels = image_row + (ox * g.stride_x - g.left) * channels;
    for (int kx = kx_begin; kx < kx_end; ++kx)
      for (int l = 0; l < Lanes; ++l) acc[kx][l] += grad[l] * pixels[kx * channels + l];
  };
  const std::int64_t inner_begin = std::min(g.out_width, (g.left + g.stride_x - 1) / g.stride_x);
  const std::int64_t inner_end =
      std::max(inner_begin, std::min(g.out_width, (g.width + g.left - Taps) / g.stride_x + 1));
  const auto border = [&](std::int64_t ox) {
    const auto ix = static_cast<int>(ox * g.stride_x - g.left);
    add(ox, std::max(0, -ix), std::min(Taps, static_cast<int>(g.width) - ix));
  };
  for (std::int64_t ox = 0; ox < inner_begin; ++ox) border(ox);
  for (std::int64_t ox = inner_begin; ox < inner_end; ++ox) add(ox, 0, Taps);
  for (std::int64_t ox = inner_end; ox < g.out_width; ++ox) border(ox);
  for (int kx = 0; kx < Taps; ++kx)
    for (int l = 0; l < Lanes; ++l) sums[kx * channels + l] += acc[kx][l];
}

/// Adds the contribution of images [begin, end) to sums[ky, kx, c].
template <int Taps>
void add_images(const Geometry& g, const float* input, const float* grad_output, std::int64_t begin,
                std::int64_t end, float* sums) {
  const std::int64_t row = g.width * g.channels, out_row = g.out_width * g.channels;
  for (std::int64_t n = begin; n < end; ++n) {
    for (std::int64_t oy = 0; oy < g.out_height; ++oy) {
      for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
        const std::int64_t iy = oy * g.stride_y + ky - g.top;
        if (iy < 0 || iy >= g.height) continue;
        const float* image_row = input + (n * g.height + iy) * row;
        const float* grad_row = grad_output + (n * g.out_height + oy) * out_row;
        float* row_sums = sums + ky * Taps * g.channels;
        std::int64_t c = 0;
        for (; c + 32 <= g.channels; c += 32)
          add_row<Taps, 32>(g, image_row + c, grad_row + c, row_sums + c);
        for (; c + 8 <= g.channels; c += 8)
          add_row<Taps, 8>(g, image_row + c, grad_row + c, row_sums + c);
        for (; c < g.channels; ++c) add_row<Taps, 1>(g, image_row + c, grad_row + c, row_sums + c);
      }
    }
  }
}

/// Copies the receptive fields of one row of output pixels to columns[x, ky, kx, c]; 0 outside the
/// image.
void gather_row(const float* image, const Shape& input, const Shape& weight,
                const Conv2dParams& params, std::int64_t y, std::int64_t width, float* columns) {
  const std::int64_t channels = input[1];
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int64_t ky = 0; ky < weight[2]; ++ky) {
      const std::int64_t iy = y * params.stride[0] + ky * params.dilation[0] - params.padding.top;
      for (std::int64_t kx = 0; kx < weight[3]; ++kx) {
        const std::int64_t ix =
            x * params.stride[1] + kx * params.dilation[1] - params.padding.left;
        if (iy < 0 || iy >= input[2] || ix < 0 || ix >= input[3]) {
          std::fill_n(columns, channels, 0.0f);
        } else {
          std::copy_n(image + (iy * input[3] + ix) * channels, channels, columns);
        }
        columns += channels;
      }
    }
  }
}

}  // namespace

Tensor depthwise_backward_weights(const Tensor& input, const Tensor& grad_output,
                                  const Shape& weight_shape, const Conv2dParams& params) {
  const Geometry g(input.shape(), grad_output.shape(), weight_shape, params);
  const std::int64_t taps = weight_shape[2] * weight_shape[3], size = taps * g.channels;
  // Short float sums, added in double. Their number does not depend on the number of threads.
  constexpr std::int64_t kMostChunks = 32;
  const std::int64_t chunks = std::min(g.images, kMostChunks);
  std::vector<float> sums(static_cast<std::size_t>(chunks * size), 0.0f);
  const auto add = weight_shape[3] == 3 ? &add_images<3> : &add_images<5>;
  const std::int64_t work = grad_output.numel() / chunks * taps;
  parallel_for(chunks, kParallelGrain / std::max<std::int64_t>(work, 1) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t chunk = first; chunk < last; ++chunk) {
                   add(g, input.data(), grad_output.data(), g.images * chunk / chunks,
                       g.images * (chunk + 1) / chunks, sums.data() + chunk * size);
                 }
               });
  Tensor grad_weight(weight_shape);
  for (std::int64_t c = 0; c < g.channels; ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      double sum = 0.0;
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
        sum += static_cast<double>(
            sums[static_cast<std::size_t>(chunk * size + tap * g.channels + c)]);
      grad_weight.data()[c * taps + tap] = static_cast<float>(sum);
    }
  }
  return grad_weight;
}

// oneDNN's backward_weights of a depthwise convolution is slow for tiny images and, without
// AVX-512, for many channels of a large batch that exceeds the cache. Two threads, ms: oneDNN /
// own.
//
//                      AVX2           AVX-512                          AVX2           AVX-512
//   (128)  16 32x32   0.77 / 1.81    0.59 / 2.08    (128) 128 16x16   5.09 / 2.83    3.05 / 2.78
//   (128)  32 32x32   5.15 / 1.68    1.41 / 1.61    (128) 256  8x8    0.73 / 1.33    0.91 / 1.33
//   (128)  64 32x32  11.58 / 5.03    3.05 / 4.32    (128) 512  4x4    0.42 / 1.03    0.22 / 0.92
//   ( 32)  64 16x16   0.08 / 0.16    0.10 / 0.18    (128) 512  2x2   17.60 / 0.60    1.46 / 0.48
bool own_depthwise_pays(const Shape& output, const Shape& weight, const Conv2dParams& params) {
  const bool plain = params.groups > 1 && weight[1] == 1 && params.groups == weight[0] &&
                     (weight[3] == 3 || weight[3] == 5) && params.dilation == std::array{1, 1};
  if (!plain) return false;
  constexpr std::int64_t kCached = 1 << 20;  // elements
  const std::int64_t pixels = output[2] * output[3];
  return pixels <= 4 ||
         (!onednn::has_avx512() && pixels >= 256 && weight[0] >= 32 && output.numel() >= kCached);
}

Tensor im2col_backward_weights(const Tensor& input, const Tensor& grad_output,
                               const Shape& weight_shape, const Conv2dParams& params) {
  const Shape shape = input.shape(), output = grad_output.shape();
  const std::int64_t batch = output[0], height = output[2], width = output[3],
                     pixels = height * width;
  const std::int64_t field = weight_shape[1] * weight_shape[2] * weight_shape[3];
  // Enough rows to run the product at full speed; a whole batch would only use more memory.
  constexpr std::int64_t kRows = 1024;
  const std::int64_t images = std::clamp<std::int64_t>(kRows / pixels, 1, batch);

  Tensor columns({images * pixels, field});
  Tensor grad_weight(weight_shape);
  for (std::int64_t first = 0; first < batch; first += images) {
    const std::int64_t count = std::min(images, batch - first);
    const float* source = input.data() + first * shape[1] * shape[2] * shape[3];
    float* gathered = columns.data();
    parallel_for(count * height, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const float* image = source + row / height * shape[1] * shape[2] * shape[3];
        gather_row(image, shape, weight_shape, params, row % height, width,
                   gathered + row * width * field);
      }
    });
    onednn::sgemm(true, false, {.m = output[1], .n = field, .k = count * pixels},
                  grad_output.data() + first * pixels * output[1], gathered, grad_weight.data(),
                  first > 0);
  }
  return grad_weight;
}

// Without AVX-512, oneDNN's backward_weights is slow if the weight exceeds the cache and the image
// is small. Measured as in core/onednn/convolution.cpp, ms: channels-last / blocked / matrix
// product.
//
//   (64) 512->512 8x8    308.7 / 264.1 / 193.2      (64) 256->512 8x8    119.8 / 111.8 /  95.2
//   (64) 512->512 4x4     78.6 /  66.0 /  48.0      (32) 512->512 7x7    129.5 / 111.6 /  74.7
//   (64) 512->256 8x8    128.4 / 112.8 / 127.0      (64) 256->256 8x8     56.8 /  54.4 /  54.6
//
// With AVX-512 the product takes 182.5 and the convolution 156.7.
bool im2col_pays(const Shape& output, const Shape& weight, const Conv2dParams& params) {
  return !onednn::has_avx512() && params.groups == 1 && weight[0] >= 512 && weight[1] >= 256 &&
         weight[2] * weight[3] > 1 && output[2] * output[3] <= 64;
}

}  // namespace quench
