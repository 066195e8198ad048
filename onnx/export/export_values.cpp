#include <algorithm>
#include <utility>

#include "onnx/export/integer_exporter.h"
#include "support/error.h"

// From real numbers to the codes of values, and back.

namespace quench::deploy {

using quant::QuantGrid;

OnnxType type_of(const QuantGrid& grid, const std::string& what) {
  const bool is_signed = grid.qmin < 0;
  const int low = is_signed ? -128 : 0, high = is_signed ? 127 : 255;
  require(grid.qmin >= low && grid.qmax <= high,
          "onnx: {} has codes from {} to {}, expected a method whose codes fit 8 bits", what,
          grid.qmin, grid.qmax);
  return is_signed ? OnnxType::s8 : OnnxType::u8;
}

std::string IntegerExporter::zero_point(const std::string& name, const QuantGrid& grid,
                                        OnnxType type) {
  std::vector<std::int64_t> dims;
  if (grid.axis == 0) dims = {std::ssize(grid.zero_point)};
  return graph_.codes(name + "/zero_point", type, grid.zero_point, dims);
}

void IntegerExporter::quantize(Tensors& tensors, const QuantGrid& grid, std::string x) {
  const std::string& name = tensors.name;
  if (grid.binary()) {
    const std::string negative =
        graph_.node("Less", {x, graph_.scalar(name + "/zero", 0.0f)}, name + "/negative");
    tensors.centered = graph_.node(
        "Where",
        {negative, graph_.scalar(name + "/minus", -1.0f), graph_.scalar(name + "/plus", 1.0f)},
        name);
    return;
  }
  require(
      grid.levels.empty(),
      "onnx: {} has codes with uneven distances, which QuantizeLinear does not; expected another "
      "method for activations",
      name);
  const OnnxType type = type_of(grid, name);
  if (grid.offset != 0.0f)
    x = graph_.node("Sub", {x, graph_.scalar(name + "/offset", grid.offset)}, name + "/shifted");
  if (grid.qmax - grid.qmin < 255) {
    const auto bound = [&](std::int32_t q) {
      return static_cast<float>(q - grid.zero_point[0]) * grid.scale[0];
    };
    x = graph_.clip(x, bound(grid.qmin), bound(grid.qmax), name + "/clipped");
  }
  tensors.codes = graph_.node(
      "QuantizeLinear",
      {x, graph_.scalar(name + "/scale", grid.scale[0]), zero_point(name, grid, type)}, name);
}

void IntegerExporter::write(const Operation& operation, const Output& output, std::string x) {
  const Value& value = network_.values[output.value];
  Tensors& tensors = values_[output.value];
  for (const Affine& step : output.steps) {
    if (std::ranges::any_of(step.scale, [](float scale) { return scale != 1.0f; }))
      x = graph_.node("Mul", {x, graph_.per_channel(operation.name + "/gain", step.scale)},
                      operation.name + "/scaled");
    if (std::ranges::any_of(step.shift, [](float shift) { return shift != 0.0f; }))
      x = graph_.node("Add", {x, graph_.per_channel(operation.name + "/shift", step.shift)},
                      operation.name + "/normalized");
    x = graph_.activate(x, step.activation, operation.name);
  }
  if (!value.grid) {
    tensors.real = x;
    return;
  }
  tensors.name = operation.name + "/codes";
  quantize(tensors, *value.grid, x);
}

std::string IntegerExporter::dequantize(const Tensors& tensors, const QuantGrid& grid, float scale,
                                        const std::string& name) {
  const std::string base = tensors.codes + "/" + name;
  return graph_.node("DequantizeLinear",
                     {tensors.codes, graph_.scalar(base + "/scale", scale),
                      zero_point(base, grid, type_of(grid, tensors.name))},
                     base);
}

const std::string& IntegerExporter::centered(ValueId id) {
  Tensors& tensors = values_[id];
  if (tensors.centered.empty())
    tensors.centered = dequantize(tensors, grid_of(id), 1.0f, "integers");
  return tensors.centered;
}

const std::string& IntegerExporter::real(ValueId id) {
  Tensors& tensors = values_[id];
  if (!tensors.real.empty()) return tensors.real;
  const QuantGrid& grid = grid_of(id);
  if (!grid.binary()) {
    tensors.real = dequantize(tensors, grid, grid.scale[0], "real");
  } else if (grid.scale[0] == 1.0f) {
    tensors.real = tensors.centered;
  } else {
    tensors.real = graph_.node(
        "Mul", {tensors.centered, graph_.scalar(tensors.name + "/scale", grid.scale[0])},
        tensors.name + "/real");
  }
  if (grid.offset != 0.0f) {
    tensors.real =
        graph_.node("Add", {tensors.real, graph_.scalar(tensors.name + "/offset", grid.offset)},
                    tensors.name + "/real");
  }
  return tensors.real;
}

}  // namespace quench::deploy
