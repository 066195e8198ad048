#pragma once

// Private to the folder: nodes that one module of quench does together.

#include <optional>
#include <vector>

#include "core/ops/activation.h"
#include "onnx/import/builder.h"

namespace quench::onnx_network {

/// What a Relu or Clip clamps to; no bounds of a missing one. @throws std::invalid_argument
ActivationRange clip_range(const Builder& builder, const OnnxNode& node);
/// Of quench's activations the one that clamps so, if any.
std::optional<Activation> activation_with(const ActivationRange& range);

/// The activation that alone reads the output of `node`, which is absorbed; none if there is none.
Activation take_activation(Builder& builder, const OnnxNode& node);

/// A layer as it is read from the file, before it is a module.
struct LayerNumbers {
  std::vector<float> weight;  ///< out_channels slices, one behind the other
  std::vector<float> bias;    ///< one per output channel, or none
  std::int64_t out_channels = 0;
  std::optional<quant::QuantGrid> grid = {};  ///< of the weight, if the file has its codes
  const OnnxTensor* bias_constant = nullptr;  ///< that the bias was read from

  void scale_output(std::int64_t channel, float factor);
};

/// What alone reads the layer's output and becomes part of it, and is absorbed: an Add of constants, the
/// bias of a layer without one, and then, on request, a BatchNormalization, unless the weight is quantized or
/// other layers read it too.
void take_bias_and_norm(Builder& builder, const OnnxNode& node, const Value& output,
                        LayerNumbers& layer);

}  // namespace quench::onnx_network
