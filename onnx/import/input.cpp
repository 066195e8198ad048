#include "onnx/import/input.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "support/error.h"

namespace quench::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

/// Operators that read only [N, C, H, W].
constexpr auto kChannelsFirst = std::to_array<std::string_view>(
    {"AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace",
     "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN",
     "MaxPool", "SpaceToDepth"});

/// Operators that take images of either layout and keep it.
constexpr auto kKeepLayout =
    std::to_array<std::string_view>({"Add",
                                     "Cast",
                                     "Clip",
                                     "DequantizeLinear",
                                     "Div",
                                     "Dropout",
                                     "Elu",
                                     "Identity",
                                     "LeakyRelu",
                                     "Max",
                                     "Min",
                                     "Mul",
                                     "Neg",
                                     "PRelu",
                                     "Pad",
                                     "QuantizeLinear",
                                     "Relu",
                                     "Sigmoid",
                                     "Slice",
                                     "Sub",
                                     "Sum",
                                     "Tanh",
                                     "qonnx.custom_op.general.BipolarQuant",
                                     "qonnx.custom_op.general.IntQuant",
                                     "qonnx.custom_op.general.Quant"});

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// The layout of a Transpose's input, inferred from its axes.
std::optional<Layout> transposed_from(const OnnxNode& node) {
  const auto perm = node.attributes.find("perm");
  if (perm == node.attributes.end()) return std::nullopt;
  const auto* axes = std::get_if<Sizes>(&perm->second);
  if (axes != nullptr && *axes == Sizes{0, 3, 1, 2}) return Layout::channels_last;
  if (axes != nullptr && *axes == Sizes{0, 2, 3, 1}) return Layout::channels_first;
  return std::nullopt;
}

/// The layout of the images, inferred from the first operator that determines it. Sizes are
/// ambiguous: [N, 9, 128, 1] can be either.
std::optional<Layout> layout_by_operators(const OnnxModel& model) {
  std::set<std::string_view> images{model.input.name};
  for (const OnnxNode& node : model.nodes) {
    const auto is_image = [&](const std::string& input) { return images.contains(input); };
    if (std::ranges::none_of(node.inputs, is_image)) continue;
    if (is_one_of(kChannelsFirst, node.op)) return Layout::channels_first;
    if (const auto layout = transposed_from(node); node.op == "Transpose" && layout) return layout;
    if (is_one_of(kKeepLayout, node.op)) images.insert(node.output);
  }
  return std::nullopt;
}

std::string input_text(const OnnxValue& input) {
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < input.dims.size(); ++i) {
    const bool open = input.dims[i] == OnnxValue::kAnySize;
    const bool named = open && i < input.dim_names.size() && !input.dim_names[i].empty();
    sizes.push_back(named ? input.dim_names[i] : open ? "?" : std::to_string(input.dims[i]));
  }
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

void require_image(const OnnxModel& model, const std::string& file) {
  if (model.input.dims.size() != 4)
    fail("{}: input '{}': expected images [N, C, H, W] or [N, H, W, C], got {}", file,
         model.input.name, input_text(model.input));
}

/// Whether the graph takes images of these sizes.
bool takes(const OnnxModel& model, const Sizes& sizes) {
  return std::ranges::equal(
      sizes, Sizes(model.input.dims.begin() + 1, model.input.dims.end()),
      [](auto size, auto taken) { return taken == OnnxValue::kAnySize || taken == size; });
}

/// Assumes that images have fewer channels than rows and columns.
Layout layout_by_sizes(const OnnxModel& model) {
  const std::int64_t second = model.input.dims[1], last = model.input.dims[3];
  return last != OnnxValue::kAnySize && last < second ? Layout::channels_last
                                                      : Layout::channels_first;
}

}  // namespace

Value input_value(const OnnxModel& model, const std::string& file,
                  const layers::models::ModelInput& data) {
  require_image(model, file);
  const auto as = [&](Layout layout) {
    return Value{
        .layout = layout, .channels = data.channels, .height = data.height, .width = data.width};
  };
  const auto fits = [&](Layout layout) { return takes(model, as(layout).dims()); };
  Layout layout = layout_by_operators(model).value_or(layout_by_sizes(model));
  if (!fits(layout) && !layout_by_operators(model))
    layout = layout == Layout::channels_first ? Layout::channels_last : Layout::channels_first;
  if (!fits(layout))
    fail("{}: input '{}' takes images {}, but the data has images [N, {}, {}, {}]", file,
         model.input.name, input_text(model.input), data.channels, data.height, data.width);
  return as(layout);
}

layers::models::ModelInput images_of(const OnnxModel& model, const std::string& file) {
  require_image(model, file);
  const Sizes& dims = model.input.dims;
  if (std::ranges::find(dims.begin() + 1, dims.end(), OnnxValue::kAnySize) != dims.end())
    fail(
        "{}: input '{}': expected a size for every dim except the batch, got {}; use a data set "
        "that defines them (CONFIG --set model.onnx={}), or export with fixed sizes (PyTorch: "
        "dynamic_axes only for the batch)",
        file, model.input.name, input_text(model.input), file);
  const bool last =
      layout_by_operators(model).value_or(layout_by_sizes(model)) == Layout::channels_last;
  return {.channels = dims[last ? 3 : 1],
          .height = dims[last ? 1 : 2],
          .width = dims[last ? 2 : 3],
          .classes = 0};
}

}  // namespace quench::onnx
