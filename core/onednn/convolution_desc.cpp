#include "core/onednn/convolution_desc.h"

#include <string_view>

#include "core/onednn/primitive.h"

namespace quench::onednn {
namespace {

using dnnl::memory;
constexpr auto kDirect = dnnl::algorithm::convolution_direct;

struct Geometry {
  memory::dims strides, dilates, padding_begin, padding_end;
};

Geometry geometry(const Conv2dParams& params) {
  return {.strides = {params.stride[0], params.stride[1]},
          // oneDNN counts the gap between kernel taps; all others count the distance.
          .dilates = {params.dilation[0] - 1, params.dilation[1] - 1},
          .padding_begin = {params.padding.top, params.padding.left},
          .padding_end = {params.padding.bottom, params.padding.right}};
}

/// oneDNN 3.x dropped the scale argument of 2.x.
void append_clamp(dnnl::post_ops& ops, dnnl::algorithm algorithm, float low, float high) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, low, high);
#else
  ops.append_eltwise(1.0f, algorithm, low, high);
#endif
}

dnnl::primitive_attr attributes(const Epilogue& epilogue) {
  dnnl::post_ops ops;
  if (epilogue.accumulate) ops.append_sum(1.0f);
  const ActivationRange range = range_of(epilogue.activation);
  if (epilogue.activation == Activation::relu) {
    append_clamp(ops, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  } else if (epilogue.activation != Activation::none) {
    append_clamp(ops, dnnl::algorithm::eltwise_clip, range.low, range.high);
  }
  dnnl::primitive_attr attributes = user_scratchpad();
  attributes.set_post_ops(ops);
  return attributes;
}

memory::dims sizes(const memory::desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  return desc.get_dims();
#else
  return desc.dims();
#endif
}

memory::data_type data_type(DType type) {
  return type == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

using BackwardWeightsDesc = dnnl::convolution_backward_weights::primitive_desc;

/// oneDNN's AVX2 kernel for strided 1x1 convolutions returns wrong gradients, or hangs, for fewer
/// than 8 input channels (seen in 2.6.3). The next implementation in its list is correct.
BackwardWeightsDesc without_faulty_kernel(BackwardWeightsDesc desc, const ConvolutionDescs& descs,
                                          const Conv2dParams& params) {
  const bool strided = params.stride[0] > 1 || params.stride[1] > 1;
  const bool faulty = strided && sizes(descs.source)[1] < 8 &&
                      std::string_view(desc.impl_info_str()) == "jit_1x1:avx2";
  if (faulty) desc.next_impl();
  return desc;
}

#if DNNL_VERSION_MAJOR >= 3
memory::data_type type_of(const memory::desc& desc) { return desc.get_data_type(); }
#else
memory::data_type type_of(const memory::desc& desc) { return desc.data_type(); }
#endif

/// The forward pass that a backward pass with these operands belongs to.
dnnl::convolution_forward::primitive_desc hint(const ConvolutionDescs& descs,
                                               const Conv2dParams& params) {
  ConvolutionDescs forward = descs;
  const auto bf16 = memory::data_type::bf16;
  if (type_of(descs.destination) == bf16) {
    forward.source = {sizes(descs.source), bf16, memory::format_tag::any};
    forward.weights = {sizes(descs.weights), bf16, memory::format_tag::any};
  }
  return forward_desc(forward, params);
}

}  // namespace

memory::desc activation_desc(const Shape& shape, DType type) {
  return {{shape[0], shape[1], shape[2], shape[3]}, data_type(type), memory::format_tag::nhwc};
}

memory::desc weight_desc(const Shape& shape, int groups, DType type) {
  const std::int64_t out = shape[0], in = shape[1], height = shape[2], width = shape[3];
  const std::int64_t row = width * in, filter = height * row;
  if (groups == 1)
    return {{out, in, height, width}, data_type(type), memory::dims{filter, 1, row, in}};
  return {{groups, out / groups, in, height, width},
          data_type(type),
          memory::dims{out / groups * filter, filter, 1, row, in}};
}

memory::desc any_layout(const memory::desc& desc) {
  return {sizes(desc), type_of(desc), memory::format_tag::any};
}

// oneDNN 3.x takes the fields directly; 2.x needs a descriptor first.
#if DNNL_VERSION_MAJOR >= 3

dnnl::convolution_forward::primitive_desc forward_desc(const ConvolutionDescs& descs,
                                                       const Conv2dParams& params,
                                                       const Epilogue& epilogue) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return {cpu_engine(),
          dnnl::prop_kind::forward_training,
          kDirect,
          descs.source,
          descs.weights,
          descs.bias,
          descs.destination,
          strides,
          dilates,
          begin,
          end,
          attributes(epilogue)};
}

dnnl::convolution_backward_data::primitive_desc backward_data_desc(const ConvolutionDescs& descs,
                                                                   const Conv2dParams& params) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return {cpu_engine(), kDirect, descs.source, descs.weights,       descs.destination, strides,
          dilates,      begin,   end,          hint(descs, params), user_scratchpad()};
}

dnnl::convolution_backward_weights::primitive_desc backward_weights_desc(
    const ConvolutionDescs& descs, const Conv2dParams& params) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return without_faulty_kernel(
      {cpu_engine(), kDirect, descs.source, descs.weights, descs.destination, strides, dilates,
       begin, end, hint(descs, params), user_scratchpad()},
      descs, params);
}

#else

dnnl::convolution_forward::primitive_desc forward_desc(const ConvolutionDescs& descs,
                                                       const Conv2dParams& params,
                                                       const Epilogue& epilogue) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return {{dnnl::prop_kind::forward_training, kDirect, descs.source, descs.weights, descs.bias,
           descs.destination, strides, dilates, begin, end},
          attributes(epilogue),
          cpu_engine()};
}

dnnl::convolution_backward_data::primitive_desc backward_data_desc(const ConvolutionDescs& descs,
                                                                   const Conv2dParams& params) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return {{kDirect, descs.source, descs.weights, descs.destination, strides, dilates, begin, end},
          user_scratchpad(),
          cpu_engine(),
          hint(descs, params)};
}

dnnl::convolution_backward_weights::primitive_desc backward_weights_desc(
    const ConvolutionDescs& descs, const Conv2dParams& params) {
  const auto [strides, dilates, begin, end] = geometry(params);
  return without_faulty_kernel(
      {{kDirect, descs.source, descs.weights, descs.destination, strides, dilates, begin, end},
       user_scratchpad(),
       cpu_engine(),
       hint(descs, params)},
      descs, params);
}

#endif

}  // namespace quench::onednn
