#pragma once

#include "core/ops/conv2d.h"

namespace quench {

/// Both gradients of a depthwise convolution in one pass: each row of the gradient of its output is read once, meets the
/// row of the input below it and the weight, and stays in the first cache meanwhile. Deferred operands (a batch norm's
/// gradient, an input kept as codes) never exist as a whole. oneDNN's two passes read and write three times as much.
///
/// Same operands as PreparedConv2d::backward, which checks them. Results do not depend on the number of threads.
OperandGradients depthwise_backward(const Tensor& input, const Tensor& grad_output,
                                    const Tensor& weight, const Conv2dParams& params);

/// Whether depthwise_backward() takes this convolution: one filter per channel, 3 x 3 or 5 x 5, with a horizontal
/// stride of 1 or 2 and without dilation.
bool depthwise_backward_takes(const Shape& weight, const Conv2dParams& params);

}  // namespace quench
