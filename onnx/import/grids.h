#pragma once

// Private to the folder: the grids of QuantizeLinear, DequantizeLinear and QONNX's Quant and BipolarQuant.

#include <optional>
#include <string>
#include <vector>

#include "onnx/import/arrays.h"
#include "onnx/import/builder.h"
#include "quant/grid.h"

namespace quench::onnx_network {

/// Integers q of least..most for real numbers scale * (q - zero_point): one scale, or one for each slice
/// of a tensor along an axis. Of more bits than a quant::QuantGrid has where biases are rounded.
struct LinearCodes {
  std::vector<float> scale;
  Dims zero_point;  ///< as many as scales
  std::size_t axis = 0;
  std::int64_t least = -128, most = 127;
  bool bipolar = false;  ///< -1 below 0, else +1

  std::size_t slice_of(std::int64_t element, const Dims& dims) const;
  /// That holds them. @throws std::invalid_argument  for more bits than 8
  OnnxType type() const;
  /// q - zero_point of a number.
  double centered(float x, std::size_t slice) const;
  /// @throws std::invalid_argument  for more bits than 8
  quant::QuantGrid grid() const;
};

// Of a node, by its inputs, of which the first may be missing.
/// @param dims  of the tensor that is rounded; none for an activation
/// @throws std::invalid_argument  for blocks, types of more than 8 bits, other ways to round, or scales
///                                that do not fit
LinearCodes linear_codes(const QuantizeAttributes& attributes, const Constants& inputs,
                         const Dims& dims);
/// @param codes  their type; least and most of s64 are those of 32 bits
LinearCodes linear_codes(const DequantizeAttributes& attributes, const Constants& inputs,
                         OnnxType codes, const Dims& dims);
LinearCodes linear_codes(const QuantAttributes& attributes, const Constants& inputs,
                         const Dims& dims);
LinearCodes bipolar_codes(const Constants& inputs, const Dims& dims);

/// The grid of the constant that a layer reads as its input 1, by the nodes that compute it; nothing if
/// none rounds it.
/// @param channel_axis  of the constant's, along which the output channels lie
/// @throws std::invalid_argument  for scales along another axis
std::optional<quant::QuantGrid> weight_grid(const Builder& builder, const OnnxNode& layer,
                                            std::size_t channel_axis);

/// Whether a Clip does nothing but end a grid earlier: it reads codes, or a QuantizeLinear alone reads it.
/// Its output is then its input.
bool narrows_grid(Builder& builder, const OnnxNode& clip);

/// Whether a Cast makes the same integers of another type of codes.
bool keeps_codes(const Builder& builder, const OnnxNode& cast, const CastAttributes& attributes);

}  // namespace quench::onnx_network
