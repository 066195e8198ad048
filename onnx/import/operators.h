#pragma once

// Private to the folder: the table of operators, and one function per operator that adds the node's
// computation to the network.

#include <span>
#include <string_view>

#include "core/ops/pointwise.h"
#include "layers/shape_layers.h"
#include "onnx/import/builder.h"

namespace quench::onnx {

struct Operator {
  std::string_view name;
  /// Reads the node's attributes. @throws std::invalid_argument  for an attribute of another type
  Attributes (*read)(AttributeReader&);
  /// Null if no module computes it.
  void (*build)(Builder&, const OnnxNode&);
  /// Null if it is not evaluated on constants.
  OnnxTensor (*fold)(const Attributes&, const Constants&);
};

std::span<const Operator> operators();  // by name
/// Null for an unknown operator.
const Operator* find_operator(std::string_view name);

// Layers with a weight.
void build_conv(Builder& builder, const OnnxNode& node, const ConvAttributes& attributes);
void build_conv_transpose(Builder& builder, const OnnxNode& node,
                          const ConvTransposeAttributes& attributes);
void build_gemm(Builder& builder, const OnnxNode& node, const GemmAttributes& attributes);
void build_matmul(Builder& builder, const OnnxNode& node, const NoAttributes&);

void build_batch_norm(Builder& builder, const OnnxNode& node,
                      const BatchNormAttributes& attributes);

// Normalizations by each image's own statistics.
void build_group_norm(Builder& builder, const OnnxNode& node,
                      const GroupNormAttributes& attributes);
void build_instance_norm(Builder& builder, const OnnxNode& node,
                         const InstanceNormAttributes& attributes);
void build_layer_norm(Builder& builder, const OnnxNode& node,
                      const LayerNormAttributes& attributes);
void build_lrn(Builder& builder, const OnnxNode& node, const LrnAttributes& attributes);

// Sums, products and extrema of activations and constants.
void build_add(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_sub(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_mul(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_div(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_neg(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_pow(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_sum(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_max(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_min(Builder& builder, const OnnxNode& node, const NoAttributes&);

// Elementwise functions.
void append_clamp(Builder& builder, const OnnxNode& node, const Value& input,
                  const ActivationRange& range);
void append_function(Builder& builder, const OnnxNode& node, const Pointwise& function);
template <Pointwise::Kind kind>
void build_function(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  append_function(builder, node, Pointwise(kind));
}
void build_relu(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_clip(Builder& builder, const OnnxNode& node, const ClipAttributes& attributes);
void build_leaky_relu(Builder& builder, const OnnxNode& node,
                      const LeakyReluAttributes& attributes);
void build_hard_sigmoid(Builder& builder, const OnnxNode& node,
                        const HardSigmoidAttributes& attributes);
void build_elu(Builder& builder, const OnnxNode& node, const EluAttributes& attributes);
void build_selu(Builder& builder, const OnnxNode& node, const SeluAttributes& attributes);
void build_gelu(Builder& builder, const OnnxNode& node, const GeluAttributes& attributes);
void build_prelu(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_dropout(Builder& builder, const OnnxNode& node, const DropoutAttributes& attributes);
void build_softmax(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_identity(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_cast(Builder& builder, const OnnxNode& node, const CastAttributes& attributes);

// Windows over an image.
void build_max_pool(Builder& builder, const OnnxNode& node, const MaxPoolAttributes& attributes);
void build_average_pool(Builder& builder, const OnnxNode& node,
                        const AveragePoolAttributes& attributes);
void build_global_average_pool(Builder& builder, const OnnxNode& node,
                               const NoAttributes& attributes);
void build_global_max_pool(Builder& builder, const OnnxNode& node, const NoAttributes& attributes);
void build_reduce_l2(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes);
void build_reduce_max(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes);
void build_reduce_mean(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes);
void build_reduce_sum(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes);

// Images of another size.
void build_resize(Builder& builder, const OnnxNode& node, const ResizeAttributes& attributes);

// Parts of an image: channels, rows and columns.
void build_gather(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_slice(Builder& builder, const OnnxNode& node, const SliceAttributes& attributes);
void build_split(Builder& builder, const OnnxNode& node, const SplitAttributes& attributes);

// Quantization to integer grids and back; Quant and BipolarQuant are QONNX's.
void build_bipolar_quant(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_dequantize_linear(Builder& builder, const OnnxNode& node,
                             const DequantizeAttributes& attributes);
void build_quant(Builder& builder, const OnnxNode& node, const QuantAttributes& attributes);
void build_quantize_linear(Builder& builder, const OnnxNode& node,
                           const QuantizeAttributes& attributes);

// Operators that move values, and sizes.
/// The size of a padded image. @throws std::invalid_argument  if nothing is left
Value padded_value(const Value& input, const layers::PadSizes& sizes);
/// Inserts a module that selects channels, rows or columns of `input` by index.
/// @param axis  of its dims, counting the batch
Value selected(Builder& builder, const std::string& name, const Value& input, std::size_t axis,
               Integers numbers);
/// The same for rows and columns at once.
Value selected_pixels(Builder& builder, const std::string& name, const Value& input, Integers rows,
                      Integers columns);
/// Reshapes `input` to [N, sizes...]. It may come from a Softmax.
void append_reshape(Builder& builder, const OnnxNode& node, const Value& input,
                    const Integers& sizes);
void build_depth_to_space(Builder& builder, const OnnxNode& node,
                          const DepthToSpaceAttributes& attributes);
void build_space_to_depth(Builder& builder, const OnnxNode& node,
                          const SpaceToDepthAttributes& attributes);
void build_expand(Builder& builder, const OnnxNode& node, const NoAttributes&);
void build_flatten(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_reshape(Builder& builder, const OnnxNode& node, const ReshapeAttributes& attributes);
void build_squeeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes);
void build_unsqueeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes);
void build_transpose(Builder& builder, const OnnxNode& node, const TransposeAttributes& attributes);
void build_concat(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes);
void build_pad(Builder& builder, const OnnxNode& node, const PadAttributes& attributes);
void build_shape(Builder& builder, const OnnxNode& node, const ShapeAttributes& attributes);
void build_size(Builder& builder, const OnnxNode& node, const NoAttributes&);

}  // namespace quench::onnx
