#pragma once

// Private to the folder: the table of operators, and one function for each, which adds what the node
// computes to the network.

#include <span>
#include <string_view>

#include "onnx/import/builder.h"

namespace quench::onnx_network {

struct Operator {
  std::string_view name;
  /// The node's attributes. @throws std::invalid_argument  for one of another type
  Attributes (*read)(AttributeReader&);
  /// Null if no module of quench computes it.
  void (*build)(Builder&, const OnnxNode&);
  /// Null if it is not computed of constants.
  OnnxTensor (*fold)(const Attributes&, const Constants&);
};

std::span<const Operator> operators();  // by name
/// Null for an operator that is not in the table.
const Operator* find_operator(std::string_view name);

// Layers with a weight.
void build_conv(Builder& builder, const OnnxNode& node, const ConvAttributes& attributes);
void build_gemm(Builder& builder, const OnnxNode& node, const GemmAttributes& attributes);
void build_matmul(Builder& builder, const OnnxNode& node, const NoAttributes&);

void build_batch_norm(Builder& builder, const OnnxNode& node,
                      const BatchNormAttributes& attributes);

// Sums and products, of two activations or with constants.
void build_add(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_sub(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_mul(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_div(Builder& builder, const OnnxNode& node, const NoAttributes&);

// Functions of one number.
void build_relu(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_clip(Builder& builder, const OnnxNode& node, const ClipAttributes& attributes);
void build_leaky_relu(Builder& builder, const OnnxNode& node,
                      const LeakyReluAttributes& attributes);
void build_hard_sigmoid(Builder& builder, const OnnxNode& node,
                        const HardSigmoidAttributes& attributes);
void build_hard_swish(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_sigmoid(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_dropout(Builder& builder, const OnnxNode& node, const DropoutAttributes& attributes);
void build_softmax(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_identity(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_cast(Builder& builder, const OnnxNode& node, const CastAttributes& attributes);

// Windows over an image. Slice takes every so manieth row and column.
void build_max_pool(Builder& builder, const OnnxNode& node, const MaxPoolAttributes& attributes);
void build_average_pool(Builder& builder, const OnnxNode& node,
                        const AveragePoolAttributes& attributes);
void build_global_average_pool(Builder& builder, const OnnxNode& node,
                               const NoAttributes& attributes);
void build_reduce_mean(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes);
void build_slice(Builder& builder, const OnnxNode& node, const SliceAttributes& attributes);

// Onto grids of integers and back; Quant and BipolarQuant are QONNX's.
void build_bipolar_quant(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_dequantize_linear(Builder& builder, const OnnxNode& node,
                             const DequantizeAttributes& attributes);
void build_quant(Builder& builder, const OnnxNode& node, const QuantAttributes& attributes);
void build_quantize_linear(Builder& builder, const OnnxNode& node,
                           const QuantizeAttributes& attributes);

// What moves numbers, and the sizes that they have.
void build_flatten(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_reshape(Builder& builder, const OnnxNode& node, const ReshapeAttributes& attributes);
void build_squeeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes);
void build_unsqueeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes);
void build_transpose(Builder& builder, const OnnxNode& node, const TransposeAttributes& attributes);
void build_concat(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_pad(Builder& builder, const OnnxNode& node, const PadAttributes& attributes);
void build_shape(Builder& builder, const OnnxNode& node, const ShapeAttributes& attributes);
void build_size(Builder& builder, const OnnxNode& node, const NoAttributes&);

}  // namespace quench::onnx_network
