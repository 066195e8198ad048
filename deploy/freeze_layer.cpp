#include "deploy/freeze_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "deploy/freeze.h"
#include "deploy/network/arithmetic.h"
#include "layers/activation.h"
#include "layers/attach_quantizers.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// Whether a grid gives every number the code of its quantizer.
bool has_codes_of(const quant::QuantGrid& grid, const quant::Quantizer& quantizer) {
  const float reach = grid.scale[0] * static_cast<float>(grid.qmax - grid.qmin + 2);
  constexpr std::int64_t kProbes = 4096;
  Tensor probe({kProbes});
  for (std::int64_t i = 0; i < kProbes; ++i) {
    const double place = 2.0 * static_cast<double>(i) / (kProbes - 1) - 1.0;
    probe.data()[i] = static_cast<float>(place * static_cast<double>(reach));
  }
  const Tensor own = quantizer.quantize(probe), of_grid = centered_codes(probe, grid);
  return std::ranges::equal(own.span(), of_grid.span());
}

/// What to write into [quant], so that a slot gets a quantizer.
std::string rule_for(QuantizableModule& module, bool reads_images) {
  constexpr const char* kRule = "{ method = \"affine\", bits = 8 }";
  if (module.as_quantized_layer() == nullptr)
    return fmt::format("quant.{} = {}", quant::rule_key(operand_kind(module)), kRule);
  if (reads_images) return fmt::format("quant.first_layer = {{ activation = {} }}", kRule);
  return fmt::format("quant.activation = {}", kRule);
}

Lookup lookup(const Pointwise& function, const quant::QuantGrid& grid) {
  Lookup result;
  for (std::int32_t q = grid.qmin; q <= grid.qmax; ++q)
    result.table.push_back(function(real_of(q - grid.zero_point[0], grid)));
  return result;
}

/// The convolution of a layer with a weight; the caller sets its kernel and window.
Convolution products(QuantizedLayer& layer) {
  require(layer.weight_quantizer().quantizes(),
          "deploy: {} has a real weight (method \"none\"); expected a quantizer for it",
          layer.name());
  const auto codes = layer.weight_quantizer().codes(layer.effective_weight().value()).value();
  Convolution conv{.out_channels = layer.weight().shape()[0], .weight_grid = codes.grid};
  for (const float code : codes.values.span())
    conv.weight.push_back(static_cast<std::int16_t>(code));
  if (const Variable bias = layer.effective_bias(); bias.defined())
    conv.bias.assign(bias.value().span().begin(), bias.value().span().end());
  return conv;
}

std::array<int, 2> whole_image(const Value& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width)};
}

}  // namespace

quant::QuantGrid frozen_grid(QuantizableModule& module, std::size_t input, bool reads_images) {
  const quant::Quantizer& quantizer = module.input_quantizer(input);
  const std::string reader = reader_name(module, input);
  require(quantizer.quantizes(),
          "deploy: {} reads real numbers (method \"none\"); expected a quantizer there, to have "
          "integers: {}",
          reader, rule_for(module, reads_images));
  require(
      !quantizer.scales_output(),
      "deploy: {}: {} scales its output by the size of each input, which a fixed integer "
      "network cannot; expected another method, or training with quant.xnor.input_scale = false",
      reader, quantizer.method());
  quant::QuantGrid grid = quantizer.grid();
  require(
      has_codes_of(grid, quantizer),
      "deploy: {}: {} has codes that no scale and zero point give (a trained shift?); expected a "
      "method whose codes are those of its grid",
      quantizer.slot(), quantizer.method());
  return grid;
}

Operation::Kind freeze_layer(const Layer& layer, const Value& input, const Window2d* pool) {
  return std::visit(
      Overloaded{[pool](Conv2d* conv2d) -> Operation::Kind {
                   Convolution conv = products(*conv2d);
                   conv.kernel = conv2d->options().kernel_size;
                   conv.params = conv2d->options().params;
                   if (pool != nullptr) conv.pool = *pool;
                   return conv;
                 },
                 [&input](Linear* linear) -> Operation::Kind {
                   Convolution conv = products(*linear);
                   conv.kernel = whole_image(input);
                   return conv;
                 },
                 [](const Add*) -> Operation::Kind { return Addition{}; },
                 [](const Multiply*) -> Operation::Kind { return Multiplication{}; },
                 [&input](const PointwiseFunction* pointwise) -> Operation::Kind {
                   return lookup(pointwise->function(), *input.grid);
                 },
                 [](const AveragePool2d* average) -> Operation::Kind {
                   return AveragePool{average->window()};
                 },
                 [&input](const GlobalAveragePool*) -> Operation::Kind {
                   return AveragePool{{.kernel = whole_image(input)}};
                 },
                 [](OneOf<BatchNorm, ScaleShift, ActivationLayer, Concat, Pad, MaxPool2d, Flatten,
                          Unflatten> auto) -> Operation::Kind {
                   throw std::logic_error("freeze_layer: expected a layer with quantizer slots");
                 },
                 [](const CustomLayer&) -> Operation::Kind {
                   throw std::logic_error("freeze_layer: expected a layer of a known kind");
                 }},
      layer);
}

}  // namespace quench::deploy
