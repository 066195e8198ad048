#include "kernels/padded_image.h"

#include <algorithm>

namespace quench::kernels {
namespace {

constexpr std::size_t kReadBeyond = 64;  // an AVX-512 vector

}  // namespace

PaddedImage::PaddedImage(const ConvProblem& problem, int code_bytes)
    : channels_(problem.channels),
      height_(problem.height),
      width_(problem.width),
      top_(problem.params.padding.top),
      left_(problem.params.padding.left),
      bottom_(problem.params.padding.bottom),
      right_(problem.params.padding.right),
      stride_{problem.params.stride[0], problem.params.stride[1]},
      dilation_{problem.params.dilation[0], problem.params.dilation[1]},
      code_bytes_(code_bytes),
      zero_code_(problem.zero_code) {}

std::size_t PaddedImage::bytes() const {
  return static_cast<std::size_t>(rows() * width() * channels_ * code_bytes_) + kReadBeyond;
}

bool PaddedImage::is_image() const {
  return code_bytes_ == 1 && top_ == 0 && left_ == 0 && bottom_ == 0 && right_ == 0;
}

void PaddedImage::fill(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
                       std::byte* padded) const {
  for (std::int64_t row = begin; row < end; ++row) {
    if (code_bytes_ == 1) {
      fill_row<std::uint8_t>(image, row, padded);
    } else {
      fill_row<std::uint16_t>(image, row, padded);
    }
  }
}

template <typename Code>
void PaddedImage::fill_row(const std::uint8_t* image, std::int64_t row, std::byte* padded) const {
  auto* codes = reinterpret_cast<Code*>(padded) + row * width() * channels_;
  if (row < top_ || row >= top_ + height_) {
    std::fill_n(codes, width() * channels_, zero_code_);
    return;
  }
  codes = std::fill_n(codes, left_ * channels_, zero_code_);
  const std::int64_t length = width_ * channels_;
  codes = std::copy_n(image + (row - top_) * length, length, codes);
  std::fill_n(codes, right_ * channels_, zero_code_);
}

TapRange Axis::on_image(std::int64_t output) const {
  const std::int64_t first = output * stride - before;
  TapRange range{.begin = kernel, .end = kernel};
  for (int k = 0; k < kernel; ++k) {
    const std::int64_t place = first + k * dilation;
    if (place >= 0 && range.begin == kernel) range.begin = k;
    if (place >= size && range.end == kernel) range.end = k;
  }
  return range;
}

Axis rows_of(const ConvProblem& problem) {
  return {.size = problem.height,
          .out = problem.out_height(),
          .before = problem.params.padding.top,
          .stride = problem.params.stride[0],
          .dilation = problem.params.dilation[0],
          .kernel = problem.kernel[0]};
}

Axis columns_of(const ConvProblem& problem) {
  return {.size = problem.width,
          .out = problem.out_width(),
          .before = problem.params.padding.left,
          .stride = problem.params.stride[1],
          .dilation = problem.params.dilation[1],
          .kernel = problem.kernel[1]};
}

}  // namespace quench::kernels
