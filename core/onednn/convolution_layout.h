#pragma once

#include "core/ops/conv2d.h"

namespace quench::onednn {

enum class Pass { forward, backward_data, backward_weights };

/// Whether a pass is faster in oneDNN's blocked layouts, with the copies of the activations there
/// and back.
///
/// A rule and not a stopwatch: the two round differently, and a run has to repeat to the bit.
bool blocked_layout_pays(Pass pass, const Shape& input, const Shape& weight,
                         const Conv2dParams& params);

/// Whether the weight's gradient is faster as a matrix product than by oneDNN's convolutions.
bool im2col_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

/// Whether depthwise_backward_weights() is faster than oneDNN's backward_weights.
/// @param output  shape of grad_output, [N, O, OH, OW]
bool own_depthwise_pays(const Shape& output, const Shape& weight, const Conv2dParams& params);

}  // namespace quench::onednn
