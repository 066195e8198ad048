#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/conv_kernel.h"

namespace quench::kernels {

/// A copy of the image for kernels: codes [H][W][C] of 8 or 16 bits with borders of zero_code, so
/// that every tap of every output pixel has an address and needs no bounds test.
class PaddedImage {
 public:
  /// @param code_bytes  1 or 2
  PaddedImage(const ConvProblem& problem, int code_bytes);

  /// Includes slack for kernels that read past the last code.
  std::size_t bytes() const;
  std::int64_t rows() const { return height_ + top_ + bottom_; }
  /// Fills the rows [begin, end).
  void fill(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
            std::byte* padded) const;

  /// Bytes from the first code to the first tap of the output pixel (y, x).
  std::int64_t window(std::int64_t y, std::int64_t x) const {
    return (y * stride_[0] * width() + x * stride_[1]) * channels_ * code_bytes_;
  }
  /// Bytes from the first tap to the tap (ky, kx).
  std::int64_t tap(int ky, int kx) const {
    return (ky * dilation_[0] * width() + kx * dilation_[1]) * channels_ * code_bytes_;
  }
  /// Whether the copy would equal the image: no borders and 8-bit codes.
  bool is_image() const;

 private:
  std::int64_t width() const { return width_ + left_ + right_; }
  template <typename Code>
  void fill_row(const std::uint8_t* image, std::int64_t row, std::byte* padded) const;

  std::int64_t channels_, height_, width_;
  std::int64_t top_, left_, bottom_, right_;
  std::array<std::int64_t, 2> stride_, dilation_;
  int code_bytes_;
  std::uint8_t zero_code_;
};

/// The taps [begin, end) of a kernel's rows or columns that lie inside the image.
struct TapRange {
  int begin = 0, end = 0;

  int count() const { return end - begin; }
  bool operator==(const TapRange&) const = default;
};

/// One axis of a convolution over a copied image with the padding that the outputs need.
struct Axis {
  std::int64_t size = 0;    ///< of the image
  std::int64_t out = 0;     ///< of the output
  std::int64_t before = 0;  ///< padding
  std::int64_t stride = 1, dilation = 1;
  int kernel = 1;

  /// The extent of the padded image that the outputs read.
  std::int64_t padded() const { return (out - 1) * stride + (kernel - 1) * dilation + 1; }
  TapRange on_image(std::int64_t output) const;
};

Axis rows_of(const ConvProblem& problem);
Axis columns_of(const ConvProblem& problem);

}  // namespace quench::kernels
