#include "onnx/export/code_ranges.h"

#include <algorithm>
#include <cmath>

#include "quant/code.h"

namespace quench::onnx {
namespace {

using quant::QuantGrid;

std::int32_t code_of(float x, const QuantGrid& grid) {
  return static_cast<std::int32_t>(quant::centered_code(x, grid)) + grid.zero_point[0];
}

CodeRange range_on(const QuantGrid& grid, const std::vector<deploy::Affine>& steps) {
  CodeRange codes{grid.qmin, grid.qmax};
  const ActivationRange range =
      range_of(steps.empty() ? Activation::none : steps.back().activation);
  if (!std::isnan(range.low)) codes.least = code_of(range.low, grid);
  if (!std::isnan(range.high)) codes.most = code_of(range.high, grid);
  return codes;
}

/// The range of codes after an operation that only moves them.
CodeRange range_moved(const deploy::IntegerNetwork& network, const deploy::Operation& operation,
                      const std::vector<CodeRange>& ranges) {
  CodeRange codes = ranges[operation.inputs[0]];
  const auto add = [&](CodeRange more) {
    codes = {std::min(codes.least, more.least), std::max(codes.most, more.most)};
  };
  for (const deploy::ValueId input : operation.inputs) add(ranges[input]);
  if (std::holds_alternative<deploy::ZeroPad>(operation.kind)) {
    const std::int32_t zero = code_of(0.0f, *network.values[operation.inputs[0]].grid);
    add({zero, zero});
  }
  return codes;
}

}  // namespace

std::vector<CodeRange> code_ranges(const deploy::IntegerNetwork& network) {
  std::vector<CodeRange> ranges(network.values.size());
  for (const deploy::Operation& operation : network.operations) {
    for (const deploy::Output& output : operation.outputs) {
      if (deploy::moves_codes(operation.kind))
        ranges[output.value] = range_moved(network, operation, ranges);
      else if (const auto& grid = network.values[output.value].grid)
        ranges[output.value] = range_on(*grid, output.steps);
    }
  }
  return ranges;
}

}  // namespace quench::onnx
