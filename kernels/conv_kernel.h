#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/ops/conv2d.h"
#include "kernels/isa.h"

namespace quench::kernels {

/// A convolution of unsigned codes with integer weights, for one size of image.
struct ConvProblem {
  std::int64_t channels = 0, height = 0, width = 0;  ///< of an image
  std::int64_t out_channels = 0;
  std::array<int, 2> kernel{1, 1};
  Conv2dParams params;
  /// [O][KH][KW][C/groups], zero points subtracted; |w| <= 255.
  std::vector<std::int16_t> weight;
  std::uint8_t input_max = 255;  ///< largest code
  std::uint8_t zero_code = 0;    ///< code of real 0, used as padding and subtracted from every code
  /// Whether every input code is zero_code - 1 or zero_code + 1, i.e. -1 or +1.
  bool binary_input = false;

  std::int64_t out_height() const;
  std::int64_t out_width() const;
};

/// sums[o] = sum over taps and channels of weight * (code - zero_code), in int32; a tap outside the
/// image adds nothing.
///
/// Weights are packed once, on construction. largest_sums() has proved that every sum fits in 32
/// bits. The kernel guarantees that no intermediate overflows, so every kernel gives the same
/// integers.
class ConvKernel {
 public:
  virtual ~ConvKernel() = default;

  /// Size of the image in the layout of accumulate(); 0 if it reads the image itself.
  virtual std::size_t workspace_bytes() const = 0;
  /// Fills the workspace's rows [begin, end) of workspace_rows(). Different threads may fill
  /// different rows. Not called for a workspace of 0 bytes.
  /// @param image  codes [H][W][C]
  virtual void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
                       std::byte* workspace) const = 0;
  virtual std::int64_t workspace_rows() const = 0;
  /// Computes the sums of the output pixels [first, first + count) in row-major order.
  /// @param input  the workspace, or the image itself
  /// @param sums   [count][out_channels]
  virtual void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                          std::int32_t* sums) const = 0;
  /// The kernel's name for tables, e.g. "avx2 maddubs".
  virtual std::string_view name() const = 0;
};

/// How much time packing the weights may take.
enum class Packing : std::uint8_t {
  best,   ///< what the fastest kernel needs, for weights that stay
  quick,  ///< about as long as copying them, for weights that change with every batch
};

/// The fastest exact kernel for this problem with the instruction set `isa`.
/// @throws std::invalid_argument  for a malformed problem, or if this CPU lacks `isa`
std::unique_ptr<ConvKernel> make_conv_kernel(const ConvProblem& problem, Isa isa = best_isa(),
                                             Packing packing = Packing::best);

}  // namespace quench::kernels
