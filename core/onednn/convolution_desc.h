#pragma once

#include <oneapi/dnnl/dnnl_version.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "core/onednn/convolution.h"
#include "core/ops/conv2d.h"

namespace quench::onednn {

/// The memory descriptors of a convolution's operands, for oneDNN 2 and 3.
struct ConvolutionDescs {
  dnnl::memory::desc source, weights, bias, destination;  // no bias: an empty desc
};

/// [N, C, H, W] in our tensors' memory order.
/// @param type  f32 or bf16
dnnl::memory::desc activation_desc(const Shape& shape, DType type = DType::f32);
/// [O, I/groups, KH, KW] in our tensors' memory order; five axes, as in oneDNN, if groups > 1.
dnnl::memory::desc weight_desc(const Shape& shape, int groups, DType type = DType::f32);
/// The same shape, in a layout that oneDNN chooses.
dnnl::memory::desc any_layout(const dnnl::memory::desc& desc);

/// The three passes, with oneDNN's convention for dilation.
dnnl::convolution_forward::primitive_desc forward_desc(const ConvolutionDescs& descs,
                                                       const Conv2dParams& params,
                                                       const Epilogue& epilogue = {});
dnnl::convolution_backward_data::primitive_desc backward_data_desc(const ConvolutionDescs& descs,
                                                                   const Conv2dParams& params);
dnnl::convolution_backward_weights::primitive_desc backward_weights_desc(
    const ConvolutionDescs& descs, const Conv2dParams& params);

}  // namespace quench::onednn
