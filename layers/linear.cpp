#include "layers/linear.h"

#include "autograd/nn.h"
#include "core/ops/patch_magnitude.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::layers {
namespace {

Shape weight_shape(const LinearOptions& options) {
  require(options.in_features >= 1 && options.out_features >= 1,
          "linear: expected in_features and out_features >= 1, got {} and {}", options.in_features,
          options.out_features);
  return {options.out_features, options.in_features};
}

}  // namespace

Linear::Linear(const LinearOptions& options, Random& random)
    : Linear(options, glorot_uniform(weight_shape(options), random)) {}

Linear::Linear(const LinearOptions& options, Tensor weight)
    : QuantizedLayer(with_shape(weight_shape(options), std::move(weight)), options.bias) {}

Linear::Linear(const LinearOptions& options, QuantizedLayer& other, Bias bias)
    : QuantizedLayer(other, weight_shape(options), bias) {}

Variable Linear::apply(const Variable& input, const Variable& weight, const Variable& bias) {
  return linear(input, weight, bias);
}

Variable Linear::apply(const Variable& input, const Variable& weight, const Variable& bias,
                       ProductOperands operands) {
  return linear(input, weight, bias, std::move(operands));
}

kernels::ConvProblem Linear::problem(const Shape& input) const {
  return {.channels = input[1], .height = 1, .width = 1, .out_channels = weight().shape()[0]};
}

Tensor Linear::input_magnitude(const Tensor& input) const { return row_magnitude(input); }

}  // namespace quench::layers
