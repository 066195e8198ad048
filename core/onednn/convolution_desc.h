#pragma once

#include <oneapi/dnnl/dnnl_version.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "core/onednn/convolution.h"
#include "core/ops/conv2d.h"

namespace quench::onednn {

/// The memory a convolution's operands lie in, for descriptors of either oneDNN version.
struct ConvolutionDescs {
  dnnl::memory::desc source, weights, bias, destination;  // an empty bias desc stands for none
};

/// [N, C, H, W] as it lies in our tensors.
dnnl::memory::desc activation_desc(const Shape& shape);
/// [O, I/groups, KH, KW] as it lies in our tensors; with groups > 1 as oneDNN's five axes.
dnnl::memory::desc weight_desc(const Shape& shape, int groups);
/// The same sizes in whatever layout the kernel likes best.
dnnl::memory::desc any_layout(const dnnl::memory::desc& desc);

/// The three passes, with dilation counted as oneDNN does.
dnnl::convolution_forward::primitive_desc forward_desc(const ConvolutionDescs& descs,
                                                       const Conv2dParams& params,
                                                       const Epilogue& epilogue = {});
dnnl::convolution_backward_data::primitive_desc backward_data_desc(const ConvolutionDescs& descs,
                                                                   const Conv2dParams& params);
dnnl::convolution_backward_weights::primitive_desc backward_weights_desc(
    const ConvolutionDescs& descs, const Conv2dParams& params);

}  // namespace quench::onednn
