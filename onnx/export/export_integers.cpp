#include "onnx/export/export_integers.h"

#include <algorithm>
#include <utility>

#include "deploy/network/arithmetic.h"
#include "onnx/export/integer_exporter.h"
#include "support/error.h"

namespace quench::onnx {

using quant::QuantGrid;

namespace {

constexpr std::int64_t kOnnxInt64 = 7;  // TensorProto.DataType

/// Reorders codes from O, KH, KW, I/groups to O, I/groups, KH, KW.
template <typename T>
std::vector<std::int32_t> to_oihw(const std::vector<T>& weight, std::int64_t out_channels,
                                  std::int64_t taps) {
  const std::int64_t channels = std::ssize(weight) / out_channels / taps;
  std::vector<std::int32_t> result;
  result.reserve(weight.size());
  for (std::int64_t o = 0; o < out_channels; ++o)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t t = 0; t < taps; ++t)
        result.push_back(weight[static_cast<std::size_t>((o * taps + t) * channels + c)]);
  return result;
}

/// Whether a function is the identity and exists only for its quantizer; the next one uses another
/// grid.
bool is_identity(const deploy::Lookup& lookup, const QuantGrid& grid) {
  for (std::int32_t q = grid.qmin; q <= grid.qmax; ++q) {
    if (lookup.table[static_cast<std::size_t>(q - grid.qmin)] !=
        deploy::real_of(q - grid.zero_point[0], grid))
      return false;
  }
  return true;
}

}  // namespace

// ---- operations: each returns the float32 values that its outputs start from

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Quantize& quantize) {
  if (quantize.image.empty()) return graph_.images();
  const std::int64_t channels = network_.channels, pixels = network_.height * network_.width;
  std::vector<float> image;
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t p = 0; p < pixels; ++p)
      image.push_back(quantize.image[static_cast<std::size_t>(p * channels + c)]);
  return graph_.node(
      "Add",
      {graph_.images(), graph_.constant(operation.name + "/image", image,
                                        {1, channels, network_.height, network_.width})},
      operation.name);
}

std::string IntegerExporter::weight(const deploy::Operation& operation,
                                    const deploy::Convolution& conv) {
  const QuantGrid& grid = conv.weight_grid;
  const std::string name = operation.name + "/weight";
  const std::int64_t taps = std::int64_t{conv.kernel[0]} * conv.kernel[1];
  std::vector<std::int32_t> codes = to_oihw(conv.weight, conv.out_channels, taps);
  const std::size_t size = codes.size() / static_cast<std::size_t>(conv.out_channels);
  const std::vector<std::int64_t> dims{conv.out_channels, static_cast<std::int64_t>(size) / taps,
                                       conv.kernel[0], conv.kernel[1]};
  if (qonnx_) {
    std::vector<float> values;
    for (std::size_t i = 0; i < codes.size(); ++i)
      values.push_back(grid.scale[grid.axis == 0 ? i / size : 0] * static_cast<float>(codes[i]));
    return quant(graph_.constant(name, values, dims), grid, name + "/real");
  }
  const OnnxType type = type_of(grid, name);
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] += grid.zero_point[grid.axis == 0 ? i / size : 0];
  std::vector<float> scale = grid.scale;
  if (behind_sums_) std::ranges::fill(scale, 1.0f);
  std::vector<std::int64_t> scale_dims;
  if (grid.axis == 0) scale_dims = {std::ssize(scale)};
  const std::string stored = graph_.codes(name, type, codes, dims);
  return graph_.node(
      "DequantizeLinear",
      {stored, graph_.constant(name + "/scale", scale, scale_dims), zero_point(name, grid, type)},
      name + "/real", {{"axis", std::int64_t{0}}});
}

/// Keeps the order of evaluation: sum, scale, bias.
std::string IntegerExporter::scaled_sum(const deploy::Operation& operation,
                                        const deploy::Convolution& conv, std::string sum) {
  const QuantGrid& input = grid_of(operation.inputs[0]);
  require(input.offset == 0.0f,
          "onnx: {} reads codes with an offset ({}), which cannot be applied after the sums; "
          "expected scales in the operands",
          operation.name, input.offset);
  std::vector<float> scales;
  for (std::int64_t o = 0; o < conv.out_channels; ++o)
    scales.push_back(deploy::output_scale(input, conv.weight_grid, static_cast<std::size_t>(o)));
  sum = graph_.node("Mul", {sum, graph_.per_channel(operation.name + "/scale", scales)},
                    operation.name + "/product");
  if (conv.bias.empty()) return sum;
  return graph_.node("Add", {sum, graph_.per_channel(operation.name + "/bias", conv.bias)},
                     operation.name + "/biased");
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Convolution& conv) {
  const deploy::ValueId input = operation.inputs[0];
  std::vector<std::string> inputs{behind_sums_ ? centered(input) : real(input),
                                  weight(operation, conv)};
  if (!behind_sums_ && !conv.bias.empty())
    inputs.push_back(graph_.constant(operation.name + "/bias", conv.bias, {conv.out_channels}));
  std::string sum = graph_.node("Conv", std::move(inputs), operation.name,
                                conv_attributes(conv.kernel, conv.params));
  if (conv.pool) sum = graph_.max_pool(sum, *conv.pool, operation.name + "/pool");
  return behind_sums_ ? scaled_sum(operation, conv, std::move(sum)) : sum;
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Addition& addition) {
  return graph_.node(addition.subtracts ? "Sub" : "Add",
                     {real(operation.inputs[0]), real(operation.inputs[1])}, operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::AveragePool& pool) {
  const deploy::ValueId input = operation.inputs[0];
  if (!behind_sums_) return graph_.average_pool(real(input), pool.window, operation.name);
  const QuantGrid& grid = grid_of(input);
  const std::string mean =
      graph_.average_pool(centered(input), pool.window, operation.name + "/mean");
  std::string scaled = graph_.node(
      "Mul", {mean, graph_.scalar(operation.name + "/scale", grid.scale[0])}, operation.name);
  if (grid.offset == 0.0f) return scaled;
  return graph_.node("Add", {scaled, graph_.scalar(operation.name + "/offset", grid.offset)},
                     operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Multiplication&) {
  const deploy::ValueId a = operation.inputs[0], b = operation.inputs[1];
  const bool has_offset = grid_of(a).offset != 0.0f || grid_of(b).offset != 0.0f;
  if (!behind_sums_ || has_offset) return graph_.node("Mul", {real(a), real(b)}, operation.name);
  const std::string product =
      graph_.node("Mul", {centered(a), centered(b)}, operation.name + "/integers");
  const float scale = grid_of(a).scale[0] * grid_of(b).scale[0];
  return graph_.node("Mul", {product, graph_.scalar(operation.name + "/scale", scale)},
                     operation.name);
}

/// Concatenates the tables of all channels: that of channel c begins at c times the number of
/// codes.
std::string IntegerExporter::channel_tables(const deploy::Operation& operation,
                                            const deploy::Lookup& lookup,
                                            const std::string& number) {
  const QuantGrid& grid = grid_of(operation.inputs[0]);
  const std::int64_t channels = network_.values[operation.inputs[0]].channels;
  const std::int64_t count = std::ssize(lookup.table) / channels;
  std::vector<std::int64_t> begin;
  for (std::int64_t c = 0; c < channels; ++c)
    begin.push_back(c * count + grid.zero_point[0] - grid.qmin);
  const std::string& name = operation.name;
  const std::string place =
      graph_.node("Add", {number, graph_.integers(name + "/begin", begin, {1, channels, 1, 1})},
                  name + "/place");
  return graph_.node(
      "Gather", {graph_.constant(name + "/table", lookup.table, {std::ssize(lookup.table)}), place},
      name);
}

/// The table indexed by q - zero_point: in ONNX, negative indices count from the end.
std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Lookup& lookup) {
  const deploy::ValueId input = operation.inputs[0];
  const QuantGrid& grid = grid_of(input);
  if (is_identity(lookup, grid)) return real(input);
  std::vector<float> table = lookup.table;
  std::rotate(table.begin(), table.begin() + (grid.zero_point[0] - grid.qmin), table.end());
  const std::string number =
      graph_.node("Cast", {centered(input)}, operation.name + "/number", {{"to", kOnnxInt64}});
  if (lookup.table.size() > table_of(lookup, network_.values[input], 0).size())
    return channel_tables(operation, lookup, number);
  const std::string& name = operation.name;
  return graph_.node("Gather",
                     {graph_.constant(name + "/table", table, {std::ssize(table)}), number}, name);
}

std::string IntegerExporter::largest(
    const deploy::Operation& operation, const std::vector<std::uint8_t>& smallest,
    const std::function<std::string(std::vector<std::string>, const std::string&)>& function) {
  std::vector<std::string> inputs;
  for (const deploy::ValueId input : operation.inputs) inputs.push_back(real(input));
  const std::string& name = operation.name;
  if (smallest.empty()) return function(std::move(inputs), name);
  std::vector<float> signs;
  for (const std::uint8_t mark : smallest) signs.push_back(mark != 0 ? -1.0f : 1.0f);
  const std::string sign = graph_.per_channel(name + "/sign", signs);
  for (std::string& x : inputs) x = graph_.node("Mul", {x, sign}, name + "/turned");
  return graph_.node("Mul", {function(std::move(inputs), name + "/largest"), sign}, name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation, const deploy::MaxPool& pool) {
  return largest(operation, pool.smallest, [&](const auto& x, const std::string& name) {
    return graph_.max_pool(x[0], pool.window, name);
  });
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Extremum& extremum) {
  return largest(operation, extremum.smallest, [&](auto inputs, const std::string& name) {
    return graph_.node("Max", std::move(inputs), name);
  });
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::ChannelSelection& selection) {
  return graph_.select_channels(real(operation.inputs[0]), selection.channels, operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Upsampling& upsampling) {
  return graph_.upsample(real(operation.inputs[0]), upsampling.factor, operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::PixelSelection& selection) {
  return graph_.select_pixels(real(operation.inputs[0]), selection.rows, selection.columns,
                              operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const Rearrangement& rearrangement) {
  const deploy::ValueId input = operation.inputs[0];
  return graph_.rearrange(real(input), network_.values[input].channels, rearrangement,
                          operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation, const deploy::ZeroPad& pad) {
  return graph_.pad(real(operation.inputs[0]), pad.before, pad.after, pad.image, operation.name);
}

std::string IntegerExporter::emit(const deploy::Operation& operation,
                                  const deploy::Concatenation&) {
  std::vector<std::string> parts;
  for (const deploy::ValueId input : operation.inputs) parts.push_back(real(input));
  return graph_.node("Concat", std::move(parts), operation.name, {{"axis", std::int64_t{1}}});
}

ExportedIntegers export_integers(const deploy::IntegerNetwork& network,
                                 const OnnxExportOptions& options) {
  const bool qonnx = options.quantizers == OnnxQuantizers::qonnx;
  const bool in_operands = qonnx || options.scales == OnnxScales::operands;
  ExportedIntegers result{.network = network};
  if (in_operands && !qonnx) fold_steps(result.network);
  if (in_operands) result.raised = fit_biases(result.network);
  result.model = IntegerExporter(result.network, options).run();
  return result;
}

}  // namespace quench::onnx
