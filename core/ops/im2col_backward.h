#pragma once

#include "core/ops/conv2d.h"

namespace quench {

/// The weight gradient of a convolution as a matrix product: the receptive field of every output
/// pixel becomes a matrix row, for a bounded number of images at a time.
///
/// Same operands as PreparedConv2d::backward_weights, which checks them; groups must be 1.
Tensor im2col_backward_weights(const Tensor& input, const Tensor& grad_output,
                               const Shape& weight_shape, const Conv2dParams& params);

/// Whether im2col_backward_weights() is faster than oneDNN's backward_weights.
/// @param output  shape of grad_output, [N, O, OH, OW]
bool im2col_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

}  // namespace quench
