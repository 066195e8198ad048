#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/ops/conv2d.h"
#include "deploy/kernels/isa.h"

namespace quench::deploy {

/// A convolution of unsigned codes with integer weights, for one size of image.
struct ConvProblem {
  std::int64_t channels = 0, height = 0, width = 0;  ///< of an image
  std::int64_t out_channels = 0;
  std::array<int, 2> kernel{1, 1};
  Conv2dParams params;
  /// [O][KH][KW][C/groups]: the integers that are multiplied, zero points taken off; |w| <= 255.
  std::vector<std::int16_t> weight;
  std::uint8_t input_max = 255;  ///< no code is larger
  std::uint8_t zero_code = 0;  ///< of real 0: what padding holds, and what is taken off every code
  /// Whether the codes of the input are zero_code - 1 and zero_code + 1 and nothing else: -1 and +1.
  bool binary_input = false;

  std::int64_t out_height() const;
  std::int64_t out_width() const;
};

/// sums[o] = sum over taps and channels of weight * (code - zero_code), where a tap off the image
/// adds nothing, in int32.
///
/// Weights are laid out once, when it is made. Whether the 32 bits hold every sum is proved before
/// (largest_sums()); that nothing between them and the products overflows is the kernel's to see to,
/// so every kernel gives the same integers.
class ConvKernel {
 public:
  virtual ~ConvKernel() = default;

  /// Of the image as accumulate() reads it; 0 if that is the image itself.
  virtual std::size_t workspace_bytes() const = 0;
  /// Fills the rows [begin, end) of workspace_rows() of the workspace. Rows may be filled by different
  /// threads. Not called for a workspace of 0 bytes.
  /// @param image  codes [H][W][C]
  virtual void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
                       std::byte* workspace) const = 0;
  virtual std::int64_t workspace_rows() const = 0;
  /// The sums of the output pixels [first, first + count), counted along rows.
  /// @param input  the workspace, or the image itself
  /// @param sums   [count][out_channels]
  virtual void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                          std::int32_t* sums) const = 0;
  /// What it multiplies with, e.g. "avx2 maddubs": for tables.
  virtual std::string_view name() const = 0;
};

/// The fastest kernel that is exact for this problem on this machine, or on one with `isa` alone.
std::unique_ptr<ConvKernel> make_conv_kernel(const ConvProblem& problem, Isa isa = best_isa());

}  // namespace quench::deploy
