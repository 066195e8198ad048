// Quantization to integer grids and back: QuantizeLinear, DequantizeLinear, and QONNX's Quant and
// BipolarQuant. An activation's grid travels with its Value to the quantizers of its readers.

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "onnx/import/constant_folding.h"
#include "onnx/import/fusion.h"
#include "onnx/import/grids.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The node's inputs after the first, which is an activation.
Constants parameters(const Builder& builder, const OnnxNode& node) {
  Constants result{nullptr};
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    result.push_back(Builder::has_input(node, i) ? &builder.constant(node, i) : nullptr);
  return result;
}

/// Narrows a grid to the range of a Clip before it.
void narrow_by_clip(const Builder& builder, const OnnxNode& node, quant::QuantGrid& grid) {
  const OnnxNode* before = builder.writer(node.inputs[0]);
  if (before == nullptr || before->op != "Clip") return;
  const ActivationRange range = clip_range(builder, *before);
  const auto code = [&](float bound) {
    return static_cast<std::int32_t>(quant::centered_codes(Tensor::full({1}, bound), grid).item()) +
           grid.zero_point[0];
  };
  const std::int32_t low = std::isnan(range.low) ? grid.qmin : code(range.low);
  const std::int32_t high = std::isnan(range.high) ? grid.qmax : code(range.high);
  std::tie(grid.qmin, grid.qmax) = std::pair(low, high);
  grid.bits = std::bit_width(static_cast<std::uint32_t>(high - low));
}

/// Rounds `value` to a grid; it may already be rounded to another one.
Value onto(Builder& builder, const OnnxNode& node, Value value, quant::QuantGrid grid) {
  if (!grid.binary()) narrow_by_clip(builder, node, grid);
  if (value.grid && value.grid->scale == grid.scale && value.grid->zero_point == grid.zero_point &&
      value.grid->levels == grid.levels) {
    grid.qmin = std::max(grid.qmin, value.grid->qmin);
    grid.qmax = std::min(grid.qmax, value.grid->qmax);
    grid.bits = std::min(grid.bits, value.grid->bits);
  } else {
    value = builder.rounded(name_of(node), std::move(value));
  }
  if (builder.options().quantizers) value.grid = std::move(grid);
  return value;
}

quant::QuantGrid activation_grid(const LinearCodes& codes) {
  require(codes.scale.size() == 1, "scale: expected one value for an activation, got {}",
          codes.scale.size());
  quant::QuantGrid grid = codes.grid();
  check_grid(grid, {1});
  return grid;
}

/// Rounds the values of a constant to the grid.
OnnxTensor rounded(const OnnxTensor& constant, const LinearCodes& codes) {
  std::vector<float> values = floats(constant);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t slice = codes.slice_of(static_cast<std::int64_t>(i), constant.dims);
    values[i] = codes.scale[slice] * static_cast<float>(codes.centered(values[i], slice));
  }
  return tensor_of(constant.dims, values);
}

}  // namespace

OnnxTensor fold_quantize_linear(const QuantizeAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& x = input(inputs, 0);
  const LinearCodes codes = linear_codes(attributes, inputs, x.dims);
  const std::vector<float> values = floats(x);
  Dims result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t slice = codes.slice_of(static_cast<std::int64_t>(i), x.dims);
    result.push_back(static_cast<std::int64_t>(codes.centered(values[i], slice)) +
                     codes.zero_point[slice]);
  }
  return codes_of(codes.type(), x.dims, result);
}

OnnxTensor fold_dequantize_linear(const DequantizeAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& q = input(inputs, 0);
  const LinearCodes codes = linear_codes(attributes, inputs, q.type, q.dims);
  const Dims integers = any_integers(q);
  std::vector<float> values;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    require(integers[i] >= codes.least && integers[i] <= codes.most,
            "expected integers of {} to {}, got {}", codes.least, codes.most, integers[i]);
    const std::size_t slice = codes.slice_of(static_cast<std::int64_t>(i), q.dims);
    values.push_back(static_cast<float>(integers[i] - codes.zero_point[slice]) *
                     codes.scale[slice]);
  }
  return tensor_of(q.dims, values);
}

OnnxTensor fold_quant(const QuantAttributes& attributes, const Constants& inputs) {
  return rounded(input(inputs, 0), linear_codes(attributes, inputs, input(inputs, 0).dims));
}

OnnxTensor fold_bipolar_quant(const NoAttributes&, const Constants& inputs) {
  return rounded(input(inputs, 0), bipolar_codes(inputs, input(inputs, 0).dims));
}

void build_quantize_linear(Builder& builder, const OnnxNode& node,
                           const QuantizeAttributes& attributes) {
  const quant::QuantGrid grid =
      activation_grid(linear_codes(attributes, parameters(builder, node), {}));
  Value value = onto(builder, node, builder.numbers(node), grid);
  value.codes = true;
  builder.set_output(node, std::move(value));
}

void build_dequantize_linear(Builder& builder, const OnnxNode& node,
                             const DequantizeAttributes& attributes) {
  Value value = builder.moved(node);
  require(value.codes, "expected codes of a QuantizeLinear, got float32 values");
  value.codes = false;
  if (value.grid) {
    const LinearCodes codes =
        linear_codes(attributes, parameters(builder, node), OnnxType::s64, {});
    require(
        codes.scale.size() == 1 && codes.scale[0] == value.grid->scale[0] &&
            codes.zero_point[0] == value.grid->zero_point[0],
        "expected the scale {} and zero point {} of the QuantizeLinear before it, got {} and {}",
        value.grid->scale[0], value.grid->zero_point[0], codes.scale[0], codes.zero_point[0]);
  }
  builder.set_output(node, std::move(value));
}

void build_quant(Builder& builder, const OnnxNode& node, const QuantAttributes& attributes) {
  const quant::QuantGrid grid =
      activation_grid(linear_codes(attributes, parameters(builder, node), {}));
  builder.set_output(node, onto(builder, node, builder.numbers(node), grid));
}

void build_bipolar_quant(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  const quant::QuantGrid grid = activation_grid(bipolar_codes(parameters(builder, node), {}));
  builder.set_output(node, onto(builder, node, builder.numbers(node), grid));
}

}  // namespace quench::onnx
