#include "layers/conv2d.h"

#include "autograd/nn.h"
#include "core/ops/patch_magnitude.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::layers {
namespace {

Shape weight_shape(const Conv2dOptions& options) {
  const int groups = options.params.groups;
  require(options.in_channels >= 1 && options.out_channels >= 1 && groups >= 1 &&
              options.in_channels % groups == 0 && options.out_channels % groups == 0,
          "conv2d: expected channels >= 1 divisible by groups, got in_channels {}, out_channels "
          "{}, groups {}",
          options.in_channels, options.out_channels, groups);
  const auto [height, width] = options.kernel_size;
  require(height >= 1 && width >= 1, "conv2d: expected a kernel of at least 1 x 1, got {} x {}",
          height, width);
  return {options.out_channels, options.in_channels / groups, height, width};
}

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options, Random& random)
    : Conv2d(options, glorot_uniform(weight_shape(options), random)) {}

Conv2d::Conv2d(const Conv2dOptions& options, Tensor weight)
    : QuantizedLayer(with_shape(weight_shape(options), std::move(weight)), options.bias),
      options_(options),
      prepared_(std::make_shared<PreparedConv2d>(options.params)) {}

Conv2d::Conv2d(const Conv2dOptions& options, QuantizedLayer& other, Bias bias)
    : QuantizedLayer(other, weight_shape(options), bias),
      options_(options),
      prepared_(std::make_shared<PreparedConv2d>(options.params)) {
  options_.bias = bias != Bias::none;
}

bool Conv2d::depthwise() const {
  return options_.params.groups > 1 && options_.params.groups == options_.in_channels;
}

Variable Conv2d::apply(const Variable& input, const Variable& weight, const Variable& bias) {
  return conv2d(input, weight, bias, prepared_);
}

Variable Conv2d::apply(const Variable& input, const Variable& weight, const Variable& bias,
                       ProductOperands operands) {
  return conv2d(input, weight, bias, prepared_, std::move(operands));
}

kernels::ConvProblem Conv2d::problem(const Shape& input) const {
  return {.channels = input[1],
          .height = input[2],
          .width = input[3],
          .out_channels = options_.out_channels,
          .kernel = options_.kernel_size,
          .params = options_.params};
}

Tensor Conv2d::input_magnitude(const Tensor& input) const {
  return patch_magnitude(input, options_.kernel_size, options_.params);
}

}  // namespace quench::layers
