#include "core/ops/im2col_backward.h"

#include <algorithm>

#include "core/onednn/library.h"
#include "core/onednn/sgemm.h"
#include "core/parallel.h"

namespace quench {
namespace {

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
