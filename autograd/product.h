#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "core/ops/byte_codes.h"
#include "core/ops/conv2d.h"
#include "kernels/batch_conv.h"

namespace quench {

/// In what the gradients of convolutions and matrix products are multiplied, and forward passes without integer
/// kernels. Sums, weights' masters, batch norm, losses, optimizer and quantizer arithmetic are float32 in both.
enum class Precision : std::uint8_t { float32, bfloat16 };

std::string_view name_of(Precision precision);  ///< "float32"
/// @param what  names the setting in the message
/// @throws std::invalid_argument  for another name
Precision find_precision(std::string_view name, std::string_view what);

/// The operands of a product, as its two passes multiply them:
///
///   forward   integer codes, if there is a kernel; else the operands in bfloat16
///   backward  the operands in the type of `weight`, with the rounded or whole gradient
///
/// Codes of up to 8 bits are exact in bfloat16; scales stay out of the operands.
struct ProductOperands {
  /// u8: codes on `grid`. bf16: the input itself, rounded; then there is no kernel.
  Tensor input;
  ByteGrid grid;
  bool binary =
      false;  ///< whether the grid's codes are -1 and +1 alone; backward then keeps a bit for each
  /// f32: the weight. bf16: the operand in weight[o] = weight_scale[o] * operand[o], exact for codes.
  Tensor weight;
  std::vector<float> weight_scale{1.0f};  ///< one, or one per output channel
  /// The integer kernel with the weight's codes, or null.
  std::shared_ptr<const kernels::BatchConv> kernel = nullptr;
  /// With a kernel and an offset of the grid: [1, O, ...], the offset's share of the output, added before the bias.
  Tensor offset_sums = {};
  /// Without a kernel: whether sums of the products of codes may leave 2^24, up to which float32 counts. The weight is
  /// then multiplied in two halves, whose sums are exact, and the result rounds once.
  bool wide_sums = false;
};

// conv2d() and linear() (autograd/nn.h) of these operands. Codes give the output
//
//   (input_scale weight_scale) sum(q_weight q_input) + bias,
//
// each of the three operations rounded to float32, as in evaluation. With the gradient g of the output, operands in
// bfloat16 give
//
//   dL/dinput  = bf16(g weight_scale) * q_weight
//   dL/dweight = (input_scale / weight_scale) bf16(g weight_scale)^T * q_input
//
// so each gradient is rounded once, to 8 significant bits, and summed in float32. What is kept for backward is the operands
// alone, a byte or a bit for each code of the input.
Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared, ProductOperands operands);
Variable linear(const Variable& input, const Variable& weight, const Variable& bias,
                ProductOperands operands);

}  // namespace quench
