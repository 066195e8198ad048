#pragma once

// Private to the folder: fuses nodes into one module.

#include <optional>
#include <vector>

#include "core/ops/activation.h"
#include "onnx/import/builder.h"

namespace quench::onnx {

/// The range of a Relu or Clip; missing bounds are unbounded.
/// @throws std::invalid_argument  if min > max
ActivationRange clip_range(const Builder& builder, const OnnxNode& node);
/// The activation with this range, if one exists.
std::optional<Activation> activation_with(const ActivationRange& range);

/// Absorbs an activation that is the only reader of `node`; returns Activation::none without one.
Activation take_activation(Builder& builder, const OnnxNode& node);

/// A layer as read from the file, before it becomes a module.
struct LayerNumbers {
  std::vector<float> weight;  ///< out_channels consecutive slices
  std::vector<float> bias;    ///< one per output channel, or empty
  std::int64_t out_channels = 0;
  std::optional<quant::QuantGrid> grid = {};  ///< of the weight, if the file stores codes
  const OnnxTensor* bias_constant = nullptr;  ///< the constant of the bias

  void scale_output(std::int64_t channel, float factor);
};

/// Absorbs the layer's only reader into it: an Add of constants becomes the bias of a layer without
/// one. Then, on request, a BatchNormalization is folded in, unless the weight is quantized or
/// shared.
void take_bias_and_norm(Builder& builder, const OnnxNode& node, const Value& output,
                        LayerNumbers& layer);

}  // namespace quench::onnx
