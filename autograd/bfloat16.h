#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "core/ops/conv2d.h"

namespace quench {

/// In what the operands of a training step's convolutions and matrix products are multiplied. Sums, weights'
/// masters, batch norm, losses, optimizer and quantizer arithmetic are float32 in both.
enum class Precision : std::uint8_t { float32, bfloat16 };

std::string_view name_of(Precision precision);  ///< "float32"
/// @param what  names the setting in the message
/// @throws std::invalid_argument  for another name
Precision find_precision(std::string_view name, std::string_view what);

/// What a product multiplies instead of its input and weight, and keeps for backward:
///
///   input = input_scale * operand,  weight[o] = weight_scale[o] * operand[o]
///
/// up to the rounding to bfloat16. Codes of up to 8 bits are exact; scales stay out of the operands.
struct BFloat16Operands {
  Tensor input, weight;  ///< bf16, with the shapes of input and weight
  float input_scale = 1.0f;
  std::vector<float> weight_scale{1.0f};  ///< one, or one per output channel
  /// Whether sums of the products of codes may leave 2^24, up to which float32 counts: the weight is then
  /// multiplied in two halves, whose sums are exact, and the result rounds once.
  bool wide_sums = false;
};

// conv2d() and linear() (autograd/nn.h) of these operands. With the gradient g of the output,
//
//   dL/dinput  = bf16(g weight_scale) * operand
//   dL/dweight = (input_scale / weight_scale) bf16(g weight_scale)^T * operand
//
// so each gradient is rounded once, to 8 significant bits, and summed in float32.
Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared, BFloat16Operands operands);
Variable linear(const Variable& input, const Variable& weight, const Variable& bias,
                BFloat16Operands operands);

}  // namespace quench
