#pragma once

// Private to the folder: the grids of QuantizeLinear, DequantizeLinear and QONNX's Quant and BipolarQuant.

#include <optional>
#include <string>
#include <vector>

#include "onnx/import/arrays.h"
#include "onnx/import/builder.h"
#include "quant/grid.h"

namespace quench::onnx {

/// Integers q in least..most for real values scale * (q - zero_point): one scale, or one for each
/// slice of a tensor along an axis. Quantized biases have more bits than quant::QuantGrid supports.
struct LinearCodes {
  std::vector<float> scale;
  Dims zero_point;  ///< one per scale
  std::size_t axis = 0;
  std::int64_t least = -128, most = 127;
  bool bipolar = false;  ///< -1 below 0, else +1

  std::size_t slice_of(std::int64_t element, const Dims& dims) const;
  /// The type that holds them. @throws std::invalid_argument  for more than 8 bits
  OnnxType type() const;
  /// q - zero_point of a value.
  double centered(float x, std::size_t slice) const;
  /// @throws std::invalid_argument  for more than 8 bits
  quant::QuantGrid grid() const;
};

// Reads the codes of a node from its inputs; the first may be missing.
/// @param dims  of the quantized tensor; empty for an activation
/// @throws std::invalid_argument  for blocks, types of more than 8 bits, other rounding modes, or
///                                scales that do not fit
LinearCodes linear_codes(const QuantizeAttributes& attributes, const Constants& inputs,
                         const Dims& dims);
/// @param codes  their type; s64 has the limits of 32 bits
LinearCodes linear_codes(const DequantizeAttributes& attributes, const Constants& inputs,
                         OnnxType codes, const Dims& dims);
LinearCodes linear_codes(const QuantAttributes& attributes, const Constants& inputs,
                         const Dims& dims);
LinearCodes bipolar_codes(const Constants& inputs, const Dims& dims);

/// The grid of the constant that is a layer's input 1, from the nodes that compute it; null if none
/// rounds it.
/// @param channel_axis  the constant's axis of output channels
/// @throws std::invalid_argument  for scales along another axis
std::optional<quant::QuantGrid> weight_grid(const Builder& builder, const OnnxNode& layer,
                                            std::size_t channel_axis);

/// Whether a Clip only narrows a grid: it reads codes, or its only reader is a QuantizeLinear. Its
/// output is then its input.
bool narrows_grid(Builder& builder, const OnnxNode& clip);

/// Whether a Cast keeps the integers and only changes the type of the codes.
bool keeps_codes(const Builder& builder, const OnnxNode& cast, const CastAttributes& attributes);

}  // namespace quench::onnx
