#include "core/ops/im2col.h"

#include <algorithm>

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
  // Enough rows for the product to run at full speed; a whole batch would only take more memory.
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

}  // namespace quench
