#pragma once

#include "core/ops/conv2d.h"

// Convolution passes for which oneDNN is slow.

namespace quench {

/// The weight gradient of a depthwise convolution, for shapes where oneDNN is slow; see
/// own_depthwise_pays().
///
/// Same operands as PreparedConv2d::backward_weights, which checks them; one filter per channel, 3
/// or 5 taps wide, without dilation. Results do not depend on the number of threads.
Tensor depthwise_backward_weights(const Tensor& input, const Tensor& grad_output,
                                  const Shape& weight_shape, const Conv2dParams& params);

/// Whether depthwise_backward_weights() is faster than oneDNN's backward_weights.
/// @param output  shape of grad_output, [N, O, OH, OW]
bool own_depthwise_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

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
