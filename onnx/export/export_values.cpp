#include <algorithm>
#include <utility>

#include "onnx/export/integer_exporter.h"
#include "support/error.h"

// Converts float32 values to the codes of values, and back.

namespace quench::onnx {

using quant::QuantGrid;

OnnxType type_of(const QuantGrid& grid, const std::string& what) {
  const bool is_signed = grid.qmin < 0;
  const int low = is_signed ? -128 : 0, high = is_signed ? 127 : 255;
  require(grid.qmin >= low && grid.qmax <= high,
          "onnx: {} has codes from {} to {}; expected a method whose codes fit in 8 bits", what,
          grid.qmin, grid.qmax);
  return is_signed ? OnnxType::s8 : OnnxType::u8;
}

std::string IntegerExporter::zero_point(const std::string& name, const QuantGrid& grid,
                                        OnnxType type) {
  std::vector<std::int64_t> dims;
  if (grid.axis == 0) dims = {std::ssize(grid.zero_point)};
  return graph_.codes(name + "/zero_point", type, grid.zero_point, dims);
}

namespace {

/// An integer type as described by QONNX's Quant.
struct QonnxIntegers {
  std::int64_t bits = 1;
  bool is_signed = false, narrow = false;

  std::int32_t least() const { return is_signed ? (narrow ? 1 : 0) - (1 << (bits - 1)) : 0; }
  std::int32_t most() const {
    return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - (narrow ? 2 : 1);
  }
  std::int32_t count() const { return most() - least() + 1; }
  bool hold(const QuantGrid& grid) const { return least() <= grid.qmin && most() >= grid.qmax; }
};

/// The smallest type that holds the codes of a grid.
QonnxIntegers integers_of(const QuantGrid& grid) {
  // One signed bit means -1 and +1.
  QonnxIntegers result{.bits = grid.qmin < 0 ? 2 : 1, .is_signed = grid.qmin < 0};
  while (!result.hold(grid)) ++result.bits;
  QonnxIntegers narrow = result;
  narrow.narrow = true;
  return narrow.hold(grid) ? narrow : result;
}

}  // namespace

std::string IntegerExporter::quant(const std::string& x, const QuantGrid& grid,
                                   const std::string& name) {
  const std::string domain = std::string(kQonnx) + ".";
  std::vector<std::int64_t> dims;
  if (grid.axis == 0) dims = {std::ssize(grid.scale), 1, 1, 1};
  const std::string scale = graph_.constant(name + "/scale", grid.scale, dims);
  if (grid.binary()) return graph_.node(domain + "BipolarQuant", {x, scale}, name);
  const QonnxIntegers integers = integers_of(grid);
  const std::vector<float> zero_points(grid.zero_point.begin(), grid.zero_point.end());
  return graph_.node(domain + "Quant",
                     {x, scale, graph_.constant(name + "/zero_point", zero_points, dims),
                      graph_.scalar(name + "/bits", static_cast<float>(integers.bits))},
                     name,
                     {{"narrow", std::int64_t{integers.narrow}},
                      {"rounding_mode", std::string("ROUND")},
                      {"signed", std::int64_t{integers.is_signed}}});
}

/// One bit: -1 and +1, as floats.
void IntegerExporter::compare(Tensors& tensors, const std::string& x) {
  const std::string& name = tensors.name;
  const std::string negative =
      graph_.node("Less", {x, graph_.scalar(name + "/zero", 0.0f)}, name + "/negative");
  tensors.centered = graph_.node(
      "Where",
      {negative, graph_.scalar(name + "/minus", -1.0f), graph_.scalar(name + "/plus", 1.0f)}, name);
}

/// @param count  number of codes of the next quantizer
std::string IntegerExporter::clip_reals(std::string x, const QuantGrid& grid, std::int32_t count,
                                        const std::string& name) {
  if (grid.qmax - grid.qmin + 1 >= count || grid.binary()) return x;
  const auto bound = [&](std::int32_t q) {
    return static_cast<float>(q - grid.zero_point[0]) * grid.scale[0];
  };
  return graph_.clip(x, bound(grid.qmin), bound(grid.qmax), name + "/clipped");
}

namespace {

constexpr std::int32_t kCodes = 256;  // of 8 bits

/// A grid with these codes in u8. Kernels require inputs and outputs of one type, which is u8 on
/// x86.
QuantGrid stored_grid(QuantGrid grid, CodeRange codes) {
  grid.qmin = codes.least;
  grid.qmax = codes.most;
  if (grid.qmin >= 0) return grid;
  for (std::int32_t* code : {&grid.qmin, &grid.qmax, &grid.zero_point[0]}) *code += kCodes / 2;
  return grid;
}

}  // namespace

std::string IntegerExporter::clip_codes(std::string codes, const QuantGrid& grid,
                                        const std::string& name) {
  if (grid.qmax - grid.qmin + 1 == kCodes) return codes;
  const OnnxType type = type_of(grid, name);
  const std::vector bounds{graph_.codes(name + "/least", type, {&grid.qmin, 1}, {}),
                           graph_.codes(name + "/most", type, {&grid.qmax, 1}, {})};
  return graph_.node("Clip", {std::move(codes), bounds[0], bounds[1]}, name + "/clipped");
}

bool IntegerExporter::bounds_codes(const deploy::Output& output) const {
  const auto& grid = network_.values[output.value].grid;
  return grid && grid->levels.empty() && !qonnx_ && !behind_sums_;
}

void IntegerExporter::quantize(const deploy::Operation& operation, const deploy::Output& output,
                               std::string x) {
  const QuantGrid& grid = *network_.values[output.value].grid;
  Tensors& tensors = values_[output.value];
  const std::string name = tensors.name = operation.name + "/codes";
  if (grid.binary() && !qonnx_) return compare(tensors, x);
  require(grid.levels.empty() || grid.binary(),
          "onnx: {} has unevenly spaced codes, which QuantizeLinear does not support; expected "
          "another method for activations",
          name);
  if (grid.offset != 0.0f)
    x = graph_.node("Sub", {x, graph_.scalar(name + "/offset", grid.offset)}, name + "/shifted");
  if (qonnx_) {
    x = clip_reals(std::move(x), grid, integers_of(grid).count(), name);
    tensors.quantized = quant(x, grid, name);
    tensors.real = with_offset(tensors.quantized, grid, name);
    return;
  }
  const bool by_codes = bounds_codes(output);
  tensors.grid = by_codes ? stored_grid(grid, ranges_[output.value]) : grid;
  const OnnxType type = type_of(tensors.grid, name);
  if (!by_codes) x = clip_reals(std::move(x), grid, kCodes, name);
  tensors.codes = graph_.node(
      "QuantizeLinear",
      {x, graph_.scalar(name + "/scale", grid.scale[0]), zero_point(name, tensors.grid, type)},
      name);
  if (by_codes && !deploy::moves_codes(operation.kind))
    tensors.codes = clip_codes(tensors.codes, tensors.grid, name);
}

void IntegerExporter::write(const deploy::Operation& operation, const deploy::Output& output,
                            std::string x) {
  for (const deploy::Affine& step : output.steps) {
    if (std::ranges::any_of(step.scale, [](float scale) { return scale != 1.0f; }))
      x = graph_.node("Mul", {x, graph_.per_channel(operation.name + "/gain", step.scale)},
                      operation.name + "/scaled");
    if (std::ranges::any_of(step.shift, [](float shift) { return shift != 0.0f; }))
      x = graph_.node("Add", {x, graph_.per_channel(operation.name + "/shift", step.shift)},
                      operation.name + "/normalized");
    if (&step != &output.steps.back() || !bounds_codes(output))
      x = graph_.activate(x, step.activation, operation.name);
  }
  if (network_.values[output.value].grid)
    quantize(operation, output, std::move(x));
  else
    values_[output.value].real = std::move(x);
}

std::string IntegerExporter::dequantize(const Tensors& tensors, float scale,
                                        const std::string& name) {
  const std::string base = tensors.codes + "/" + name;
  return graph_.node("DequantizeLinear",
                     {tensors.codes, graph_.scalar(base + "/scale", scale),
                      zero_point(base, tensors.grid, type_of(tensors.grid, tensors.name))},
                     base);
}

const std::string& IntegerExporter::centered(deploy::ValueId id) {
  Tensors& tensors = values_[id];
  if (!tensors.centered.empty()) return tensors.centered;
  if (!qonnx_) return tensors.centered = dequantize(tensors, 1.0f, "integers");
  const std::string steps = graph_.node(
      "Div", {tensors.quantized, graph_.scalar(tensors.name + "/step", grid_of(id).scale[0])},
      tensors.name + "/steps");
  return tensors.centered = graph_.node("Round", {steps}, tensors.name + "/integers");
}

std::string IntegerExporter::with_offset(std::string x, const QuantGrid& grid,
                                         const std::string& name) {
  if (grid.offset == 0.0f) return x;
  return graph_.node("Add", {std::move(x), graph_.scalar(name + "/offset", grid.offset)},
                     name + "/real");
}

const std::string& IntegerExporter::real(deploy::ValueId id) {
  Tensors& tensors = values_[id];
  if (!tensors.real.empty()) return tensors.real;
  const QuantGrid& grid = grid_of(id);
  if (!grid.binary()) {
    tensors.real = dequantize(tensors, grid.scale[0], "real");
  } else if (grid.scale[0] == 1.0f) {
    tensors.real = tensors.centered;
  } else {
    tensors.real = graph_.node(
        "Mul", {tensors.centered, graph_.scalar(tensors.name + "/scale", grid.scale[0])},
        tensors.name + "/real");
  }
  tensors.real = with_offset(tensors.real, grid, tensors.name);
  return tensors.real;
}

}  // namespace quench::onnx
