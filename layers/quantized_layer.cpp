#include "layers/quantized_layer.h"

#include "core/elementwise.h"
#include "core/error.h"
#include "quant/strategies/none.h"

namespace quench {
namespace {

/// One factor per output channel that takes sums of codes to real values.
Tensor output_scale(const quant::QuantGrid& input, const quant::QuantGrid& weight,
                    std::int64_t channels) {
  Tensor scale({channels});
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::size_t group = weight.axis == 0 ? static_cast<std::size_t>(c) : 0;
    scale.data()[c] = input.scale[0] * weight.scale[group];
  }
  return scale;
}

}  // namespace

QuantizedLayer::QuantizedLayer(Tensor weight, bool with_bias)
    : weight_(register_parameter("weight", std::move(weight), ParameterKind::weight)),
      input_(std::make_unique<quant::NoQuantizer>()),
      weight_quantizer_(std::make_unique<quant::NoQuantizer>()) {
  if (with_bias) {
    bias_ =
        register_parameter("bias", Tensor::zeros({weight_.value().dim(0)}), ParameterKind::bias);
  }
}

void QuantizedLayer::set_input_quantizer(std::unique_ptr<quant::Quantizer> quantizer) {
  input_ = std::move(quantizer);
}

void QuantizedLayer::set_weight_quantizer(std::unique_ptr<quant::Quantizer> quantizer) {
  weight_quantizer_ = std::move(quantizer);
}

std::vector<std::pair<std::string, quant::Quantizer*>> QuantizedLayer::quantizers() {
  return {{"input_quantizer", input_.get()}, {"weight_quantizer", weight_quantizer_.get()}};
}

Variable QuantizedLayer::forward(const Variable& input) {
  const auto input_codes = input_->codes(input.value());
  const auto weight_codes = weight_quantizer_->codes(weight_.value());
  if (!input_codes || !weight_codes) {
    return apply(input_->forward(input), weight_quantizer_->forward(weight_), bias_);
  }
  const Variable sums = apply(Variable(input_codes->values), Variable(weight_codes->values), {});
  Tensor output = multiply_per_channel(
      sums.value(), output_scale(input_codes->grid, weight_codes->grid, weight_.value().dim(0)));
  return Variable(bias_.defined() ? add_per_channel(output, bias_.value()) : std::move(output));
}

}  // namespace quench
