#pragma once

// Private to the folder: evaluates nodes with constant inputs, such as sizes of a Reshape or Pad,
// bounds, and reordered weights. Results follow the operators' specification; each function throws
// std::invalid_argument for undefined cases.

#include "onnx/import/builder.h"

namespace quench::onnx {

// Operators that move values, and sizes.
OnnxTensor fold_cast(const CastAttributes& attributes, const Constants& inputs);
OnnxTensor fold_concat(const AxisAttributes& attributes, const Constants& inputs);
OnnxTensor fold_constant_of_shape(const ConstantOfShapeAttributes& attributes,
                                  const Constants& inputs);
OnnxTensor fold_expand(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_gather(const AxisAttributes& attributes, const Constants& inputs);
OnnxTensor fold_identity(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_reshape(const ReshapeAttributes& attributes, const Constants& inputs);
OnnxTensor fold_shape(const ShapeAttributes& attributes, const Constants& inputs);
OnnxTensor fold_size(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_slice(const SliceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_squeeze(const AxesAttributes& attributes, const Constants& inputs);
OnnxTensor fold_tile(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_transpose(const TransposeAttributes& attributes, const Constants& inputs);
OnnxTensor fold_unsqueeze(const AxesAttributes& attributes, const Constants& inputs);

// Arithmetic on floats or integers. Booleans are the integers 0 and 1.
OnnxTensor fold_abs(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_add(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_and(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_batch_norm(const BatchNormAttributes& attributes, const Constants& inputs);
OnnxTensor fold_ceil(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_clip(const ClipAttributes& attributes, const Constants& inputs);
OnnxTensor fold_div(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_equal(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_exp(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_floor(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_greater(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_greater_or_equal(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_less(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_less_or_equal(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_log(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_max(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_min(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_mod(const ModAttributes& attributes, const Constants& inputs);
OnnxTensor fold_mul(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_neg(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_not(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_or(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_pow(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_range(const RangeAttributes&, const Constants& inputs);
OnnxTensor fold_reciprocal(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_reduce_l2(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_reduce_max(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_reduce_mean(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_reduce_min(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_reduce_prod(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_reduce_sum(const ReduceAttributes& attributes, const Constants& inputs);
OnnxTensor fold_relu(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_round(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_sign(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_sqrt(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_sub(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_sum(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_where(const NoAttributes&, const Constants& inputs);

// Quantization to integer grids and back.
OnnxTensor fold_bipolar_quant(const NoAttributes&, const Constants& inputs);
OnnxTensor fold_dequantize_linear(const DequantizeAttributes& attributes, const Constants& inputs);
OnnxTensor fold_quant(const QuantAttributes& attributes, const Constants& inputs);
OnnxTensor fold_quantize_linear(const QuantizeAttributes& attributes, const Constants& inputs);

}  // namespace quench::onnx
