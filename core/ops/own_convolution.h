#pragma once

#include "core/ops/conv2d.h"

// Passes of convolutions that oneDNN is slow at.

namespace quench {

/// The gradient of a depthwise convolution's weight, for where oneDNN's pass is slow; see
/// own_depthwise_pays().
///
/// Same operands as PreparedConv2d::backward_weights, which checks them; one filter of 3 or 5 taps'
/// width per channel, without dilation. Results do not depend on the number of threads.
Tensor depthwise_backward_weights(const Tensor& input, const Tensor& grad_output,
                                  const Shape& weight_shape, const Conv2dParams& params);

/// Whether depthwise_backward_weights() is faster than oneDNN's backward_weights.
/// @param output  shape of grad_output, [N, O, OH, OW]
bool own_depthwise_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

/// The gradient of a convolution's weight as one matrix product: every output pixel's receptive
/// field becomes a row of a matrix, a bounded number of images at a time.
///
/// Same operands as PreparedConv2d::backward_weights, which checks them; groups must be 1.
Tensor im2col_backward_weights(const Tensor& input, const Tensor& grad_output,
                               const Shape& weight_shape, const Conv2dParams& params);

/// Whether the weight's gradient is faster as a matrix product than by oneDNN's convolutions.
/// @param output  shape of grad_output, [N, O, OH, OW]
bool im2col_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

}  // namespace quench
