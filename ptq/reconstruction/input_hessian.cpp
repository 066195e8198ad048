#include "ptq/reconstruction/input_hessian.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

constexpr std::int64_t kValuesOfPiece = 1 << 17;  // a megabyte of doubles

/// The receptive field at each position of an image, for the channels of one group.
class Patches {
 public:
  /// @param input  [N, C, H, W] in memory order
  Patches(const Tensor& input, const Shape& weight, const Conv2dParams& params)
      : data_(input.data()),
        channels_(input.dim(1)),
        height_(input.dim(2)),
        width_(input.dim(3)),
        output_(conv2d_output_shape(input.shape(), weight, params)),
        kernel_height_(weight[2]),
        kernel_width_(weight[3]),
        group_channels_(weight[1]),
        params_(params) {}

  std::int64_t positions() const { return output_[0] * output_[2] * output_[3]; }

  /// Writes the column of `position`, counted over images, rows and columns.
  void write(std::int64_t position, std::int64_t group, double* column) const {
    const std::int64_t ox = position % output_[3], oy = position / output_[3] % output_[2];
    const float* image =
        data_ + position / (output_[2] * output_[3]) * height_ * width_ * channels_;
    const std::int64_t taps = kernel_height_ * kernel_width_;
    for (std::int64_t ky = 0; ky < kernel_height_; ++ky) {
      const std::int64_t y =
          oy * params_.stride[0] - params_.padding.top + ky * params_.dilation[0];
      for (std::int64_t kx = 0; kx < kernel_width_; ++kx) {
        const std::int64_t x =
            ox * params_.stride[1] - params_.padding.left + kx * params_.dilation[1];
        const bool inside = y >= 0 && y < height_ && x >= 0 && x < width_;
        const float* pixel = image + (y * width_ + x) * channels_ + group * group_channels_;
        double* to = column + ky * kernel_width_ + kx;
        for (std::int64_t c = 0; c < group_channels_; ++c)
          to[c * taps] = inside ? double{pixel[c]} : 0.0;
      }
    }
  }

 private:
  const float* data_;
  std::int64_t channels_, height_, width_;
  Shape output_;
  std::int64_t kernel_height_, kernel_width_, group_channels_;
  Conv2dParams params_;
};

void add_group(SquareMatrix& sum, const Patches& patches, std::int64_t group) {
  const std::int64_t columns = sum.n;
  const std::int64_t piece = std::max<std::int64_t>(kValuesOfPiece / columns, 16);
  std::vector<double> x(static_cast<std::size_t>(std::min(piece, patches.positions()) * columns));
  for (std::int64_t begin = 0; begin < patches.positions(); begin += piece) {
    const std::int64_t count = std::min(piece, patches.positions() - begin);
    parallel_for(count, kParallelGrain / columns + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t p = first; p < last; ++p)
        patches.write(begin + p, group, x.data() + p * columns);
    });
    add_products(sum, x.data(), count);
  }
}

}  // namespace

InputHessian::InputHessian(const Shape& weight, const Conv2dParams& params)
    : weight_(weight.rank() == 2 ? Shape{weight[0], weight[1], 1, 1} : weight),
      params_(weight.rank() == 2 ? Conv2dParams{} : params),
      sums_(static_cast<std::size_t>(params_.groups),
            SquareMatrix(weight_[1] * weight_[2] * weight_[3])) {}

void InputHessian::add(const Tensor& input) {
  images_ += input.dim(0);
  const Tensor image =
      input.rank() == 2 ? input.reshape({input.dim(0), input.dim(1), 1, 1}) : input;
  const Patches patches(image, weight_, params_);
  positions_ += patches.positions();
  // Many groups are small, so each is processed by one thread.
  parallel_for(std::ssize(sums_), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t g = first; g < last; ++g)
      add_group(sums_[static_cast<std::size_t>(g)], patches, g);
  });
}

std::vector<SquareMatrix> InputHessian::matrices() const {
  expect(images_ > 0, "input hessian: expected at least one image, got none");
  std::vector<SquareMatrix> result = sums_;
  for (SquareMatrix& matrix : result) {
    for (double& value : matrix.values) value *= 2.0 / static_cast<double>(images_);
    mirror_upper(matrix);
  }
  return result;
}

}  // namespace quench::ptq
