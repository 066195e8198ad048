#include "core/ops/conv2d.h"

#include <algorithm>

#include "core/onednn/convolution.h"
#include "core/onednn/library.h"
#include "core/ops/bfloat16.h"
#include "core/ops/depthwise_backward.h"
#include "core/ops/im2col_backward.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

void check_params(const Conv2dParams& params) {
  const auto& [stride, padding, dilation, groups] = params;
  require(std::min(stride[0], stride[1]) >= 1, "conv2d: expected stride >= 1, got {} and {}",
          stride[0], stride[1]);
  require(std::min(dilation[0], dilation[1]) >= 1, "conv2d: expected dilation >= 1, got {} and {}",
          dilation[0], dilation[1]);
  require(std::min({padding.top, padding.left, padding.bottom, padding.right}) >= 0,
          "conv2d: expected padding >= 0, got top {}, left {}, bottom {}, right {}", padding.top,
          padding.left, padding.bottom, padding.right);
  require(groups >= 1, "conv2d: expected groups >= 1, got {}", groups);
}

void check_channels(const Shape& input, const Shape& weight, int groups) {
  require(input[1] % groups == 0,
          "conv2d: expected in_channels divisible by groups, got {} and {} (input {})", input[1],
          groups, input.to_string());
  require(weight[0] % groups == 0,
          "conv2d: expected out_channels divisible by groups, got {} and {} (weight {})", weight[0],
          groups, weight.to_string());
  require(
      weight[1] == input[1] / groups,
      "conv2d: expected a weight with {} input channels per group, got {} (input {}, weight {}, "
      "groups {})",
      input[1] / groups, weight[1], input.to_string(), weight.to_string(), groups);
}

std::int64_t output_size(std::int64_t input, std::int64_t kernel, int stride, int pad,
                         int dilation) {
  const std::int64_t extent = dilation * (kernel - 1) + 1;
  return input + pad < extent ? 0 : (input + pad - extent) / stride + 1;
}

void check_type(const Tensor& tensor, const char* role, DType type) {
  require(tensor.defined(), "conv2d: expected a tensor as {}, got an undefined one", role);
  require(tensor.dtype() == type, "conv2d: expected an {} {}, got {}", name_of(type), role,
          name_of(tensor.dtype()));
}

/// bf16 for both, or f32 for both.
void check_operands(const Tensor& first, const char* role, const Tensor& second,
                    const char* other_role) {
  const bool bf16 = first.defined() && first.dtype() == DType::bf16;
  check_type(first, role, bf16 ? DType::bf16 : DType::f32);
  check_type(second, other_role, first.dtype());
}

/// An operand as this CPU multiplies it: without instructions for bfloat16 its values are multiplied in f32,
/// where their products are exact, too.
Tensor supported(const Tensor& operand) {
  return operand.dtype() == DType::bf16 && !onednn::has_bf16() ? to_float32(operand) : operand;
}

void check_grad_output(const Shape& grad_output, const Shape& expected) {
  require(grad_output == expected, "conv2d: expected grad_output {}, got {}", expected.to_string(),
          grad_output.to_string());
}

}  // namespace

Shape conv2d_output_shape(const Shape& input, const Shape& weight, const Conv2dParams& params) {
  check_params(params);
  require(input.rank() == 4, "conv2d: expected input [N, C, H, W], got {}", input.to_string());
  require(weight.rank() == 4, "conv2d: expected weight [O, C/groups, KH, KW], got {}",
          weight.to_string());
  require(input.numel() > 0, "conv2d: expected an input without empty axes, got {}",
          input.to_string());
  require(weight.numel() > 0, "conv2d: expected a weight without empty axes, got {}",
          weight.to_string());
  check_channels(input, weight, params.groups);
  const Padding& padding = params.padding;
  const std::int64_t height = output_size(input[2], weight[2], params.stride[0],
                                          padding.top + padding.bottom, params.dilation[0]);
  const std::int64_t width = output_size(input[3], weight[3], params.stride[1],
                                         padding.left + padding.right, params.dilation[1]);
  require(height > 0 && width > 0,
          "conv2d: expected a kernel no larger than the padded input, got weight {} and input {} "
          "(padding {}, {}, {}, {}, dilation {}, {})",
          weight.to_string(), input.to_string(), padding.top, padding.left, padding.bottom,
          padding.right, params.dilation[0], params.dilation[1]);
  return {input[0], weight[0], height, width};
}

PreparedConv2d::PreparedConv2d(Conv2dParams params) : params_(params) {
  check_params(params);
  convolution_ = std::make_unique<onednn::Convolution>(params);
}
PreparedConv2d::~PreparedConv2d() = default;
PreparedConv2d::PreparedConv2d(PreparedConv2d&&) noexcept = default;
PreparedConv2d& PreparedConv2d::operator=(PreparedConv2d&&) noexcept = default;

Shape PreparedConv2d::check_forward(const Tensor& input, const Tensor& weight,
                                    const Tensor& bias) const {
  check_operands(input, "input", weight, "weight");
  Shape shape = conv2d_output_shape(input.shape(), weight.shape(), params_);
  if (bias.defined()) {
    check_type(bias, "bias", DType::f32);
    require(bias.shape() == Shape{shape[1]}, "conv2d: expected bias [{}], got {} (weight {})",
            shape[1], bias.shape().to_string(), weight.shape().to_string());
  }
  return shape;
}

Tensor PreparedConv2d::forward(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const ProfileScope scope("conv2d");
  Tensor output(check_forward(input, weight, bias));
  convolution_->forward(supported(input), supported(weight), bias, {}, output);
  return output;
}

Tensor PreparedConv2d::infer(const Tensor& input, const Tensor& weight, const Tensor& bias,
                             Activation activation, Tensor addend) {
  const ProfileScope scope("conv2d");
  const Shape shape = check_forward(input, weight, bias);
  const bool accumulate = addend.defined();
  require(!accumulate || addend.shape() == shape, "conv2d: expected addend {}, got {}",
          shape.to_string(), accumulate ? addend.shape().to_string() : "");
  Tensor output = accumulate ? std::move(addend) : Tensor(shape);
  convolution_->forward(input, weight, bias, {.activation = activation, .accumulate = accumulate},
                        output);
  return output;
}

Tensor PreparedConv2d::backward_data(const Tensor& grad_output, const Tensor& weight,
                                     const Shape& input_shape) {
  const ProfileScope scope("conv2d backward_data");
  check_operands(grad_output, "grad_output", weight, "weight");
  check_grad_output(grad_output.shape(), conv2d_output_shape(input_shape, weight.shape(), params_));
  Tensor grad_input(input_shape);
  convolution_->backward_data(supported(grad_output), supported(weight), grad_input);
  return grad_input;
}

Tensor PreparedConv2d::backward_weights(const Tensor& input_operand, const Tensor& grad_operand,
                                        const Shape& weight_shape) {
  const ProfileScope scope("conv2d backward_weights");
  check_operands(input_operand, "input", grad_operand, "grad_output");
  const Tensor input = supported(input_operand), grad_output = supported(grad_operand);
  check_grad_output(grad_output.shape(), conv2d_output_shape(input.shape(), weight_shape, params_));
  const bool f32 = input.dtype() == DType::f32;
  if (f32 && im2col_pays(grad_output.shape(), weight_shape, params_)) {
    return im2col_backward_weights(input, grad_output, weight_shape, params_);
  }
  Tensor grad_weight(weight_shape);
  convolution_->backward_weights(input, grad_output, grad_weight);
  return grad_weight;
}

OperandGradients PreparedConv2d::backward(const Tensor& input, const Tensor& grad_output,
                                         const Tensor& weight) {
  check_operands(input, "input", grad_output, "grad_output");
  check_operands(grad_output, "grad_output", weight, "weight");
  check_grad_output(grad_output.shape(),
                    conv2d_output_shape(input.shape(), weight.shape(), params_));
  if (input.dtype() == DType::f32 && depthwise_backward_takes(weight.shape(), params_))
    return depthwise_backward(input, grad_output, weight, params_);
  return {backward_data(grad_output, weight, input.shape()),
          backward_weights(input, grad_output, weight.shape())};
}

}  // namespace quench
