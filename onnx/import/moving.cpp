// What moves numbers: Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Concat, Pad.

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "layers/shape_layers.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

using Sizes = std::vector<std::int64_t>;

void append_flatten(Builder& builder, const OnnxNode& node, const Value& input) {
  if (input.flat()) return builder.set_output(node, input);
  builder.append(node, std::make_shared<Flatten>(), {input}, flattened(input));
}

/// Gives the input's numbers the dims [N, sizes...]. A Softmax before is no obstacle.
void append_reshape(Builder& builder, const OnnxNode& node, const Sizes& sizes) {
  const Value input = builder.moved(node);
  if (sizes == input.dims()) return builder.set_output(node, input);
  if (sizes.size() == 1) return append_flatten(builder, node, input);
  Value image{.layout = Layout::channels_first, .channels = input.channels};
  const bool first = sizes == image.dims();
  image.layout = first ? Layout::channels_first : Layout::channels_last;
  require(input.flat() && same_order(input) && sizes == image.dims(),
          "expected [N, F] from an image or [N, C, 1, 1] from features, got [N, {}] from {}",
          fmt::join(sizes, ", "), input.text());
  builder.append(node, std::make_shared<Unflatten>(), {input}, image);
}

Value concatenated(const std::vector<Value>& inputs, std::int64_t axis) {
  Value result = inputs[0];
  const std::int64_t rank = result.flat() ? 2 : 4;
  require((axis < 0 ? axis + rank : axis) == result.channel_axis(),
          "axis: expected {}, that of the channels, got {}", result.channel_axis(), axis);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Value& part = inputs[i];
    require(
        part.layout == result.layout && part.height == result.height && part.width == result.width,
        "expected inputs of one size, got {} and {}", result.text(), part.text());
    result.channels += part.channels;
    result.blocks.insert(result.blocks.end(), part.blocks.begin(), part.blocks.end());
  }
  return result;
}

/// Before and after on each axis. From operator set 18 on they may be those of some axes.
Sizes on_all_axes(const Sizes& pads, const Sizes& axes, std::size_t rank) {
  require(pads.size() == 2 * axes.size(), "pads: expected 2 for each of {} axes, got {}",
          axes.size(), dims_text(pads));
  Sizes all(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], rank);
    all[axis] = pads[i];
    all[axis + rank] = pads[i + axes.size()];
  }
  return all;
}

/// Before and after on each of [N, C, H, W].
Sizes pads_of(const Builder& builder, const OnnxNode& node, std::size_t rank) {
  const auto& [mode, given_pads, given_value] = builder.attributes<PadAttributes>(node);
  Sizes pads = given_pads;
  float value = given_value;
  if (builder.model().opset >= 11) {
    pads = integers(builder.constant(node, 1));
    if (Builder::has_input(node, 3))
      pads = on_all_axes(pads, integers(builder.constant(node, 3)), rank);
    if (Builder::has_input(node, 2)) {
      const std::vector<float> given = floats(builder.constant(node, 2));
      require(given.size() <= 1, "constant_value: expected one number, got {}", given.size());
      if (!given.empty()) value = given[0];
    }
  }
  require(mode == "constant" && value == 0.0f, "expected constant zeros, got mode '{}', value {}",
          mode, value);
  return pads;
}

}  // namespace

void build_flatten(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  const Value value = builder.moved(node);
  const std::int64_t axis = attributes.axis.value_or(1);
  const std::int64_t rank = value.flat() ? 2 : 4;
  require((axis < 0 ? axis + rank : axis) == 1, "axis: expected 1, got {}", axis);
  append_reshape(builder, node, {value.numel()});
}

void build_reshape(Builder& builder, const OnnxNode& node, const ReshapeAttributes& attributes) {
  const Value input = builder.moved(node);
  const Sizes target = builder.sizes(node, 1);
  require(attributes.allowzero == 0 || std::ranges::find(target, 0) == target.end(),
          "allowzero: expected sizes of at least 1, got {}", sizes_text(target));
  append_reshape(builder, node, reshaped(sizes_of(input), target, builder.images()));
}

void build_squeeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes) {
  const Value input = builder.moved(node);
  const Sizes dims = sizes_of(input);
  Sizes axes = axes_of(builder, node, attributes, dims.size()), left;
  for (std::int64_t axis = 1; axis < std::ssize(dims); ++axis) {
    const std::int64_t size = dims[static_cast<std::size_t>(axis)];
    const bool named = std::ranges::find(axes, axis) != axes.end();
    require(!named || size == 1, "axes: expected axes of size 1, got {} of {}", axis, input.text());
    if (!(named || (axes.empty() && size == 1))) left.push_back(size);
  }
  append_reshape(builder, node, left);
}

void build_unsqueeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes) {
  const Value input = builder.moved(node);
  Sizes dims = sizes_of(input);
  const std::size_t added = Builder::has_input(node, 1) ? integers(builder.constant(node, 1)).size()
                                                        : attributes.axes.value_or(Sizes{}).size();
  for (const std::int64_t axis : axes_of(builder, node, attributes, dims.size() + added)) {
    require(axis >= 1, "axes: expected axes behind the batch, got {}", axis);
    dims.insert(dims.begin() + axis, 1);
  }
  append_reshape(builder, node, {dims.begin() + 1, dims.end()});
}

void build_transpose(Builder& builder, const OnnxNode& node,
                     const TransposeAttributes& attributes) {
  Value value = builder.activation(node);
  const Sizes axes = attributes.perm.value_or(value.flat() ? Sizes{1, 0} : Sizes{3, 2, 1, 0});
  const Sizes same = value.flat() ? Sizes{0, 1} : Sizes{0, 1, 2, 3};
  if (axes == same) return builder.set_output(node, value);
  if (value.layout == Layout::channels_first && axes == Sizes{0, 2, 3, 1}) {
    value.layout = Layout::channels_last;
  } else {
    require(value.layout == Layout::channels_last && axes == Sizes{0, 3, 1, 2},
            "perm: expected a change between [N, C, H, W] and [N, H, W, C], got {} of {}",
            dims_text(axes), value.text());
    value.layout = Layout::channels_first;
  }
  builder.set_output(node, value);
}

void build_concat(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  require(!node.inputs.empty(), "expected at least one input");
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    inputs.push_back(builder.activation(node, i));
  Value output = concatenated(inputs, attributes.axis.value_or(1));
  if (inputs.size() == 1) return builder.set_output(node, std::move(output));
  builder.append(node, std::make_shared<Concat>(), inputs, std::move(output));
}

void build_pad(Builder& builder, const OnnxNode& node, const PadAttributes&) {
  Value value = builder.activation(node);
  const Sizes pads = pads_of(builder, node, value.dims().size() + 1);
  require(!value.flat() && pads.size() == 8 && pads[0] == 0 && pads[4] == 0,
          "pads: expected 8 numbers, for [N, C, H, W] and none for N, got {} for {}",
          dims_text(pads), value.text());
  constexpr std::int64_t kMost = 1 << 20;
  require(std::ranges::min(pads) >= 0 && std::ranges::max(pads) <= kMost,
          "pads: expected 0 to {}, got {}", kMost, dims_text(pads));
  const auto channel = static_cast<std::size_t>(value.channel_axis());
  const std::size_t rows = channel == 1 ? 2 : 1;
  const auto at = [&](std::size_t i) { return static_cast<int>(pads[i]); };
  value.padding = {at(rows), at(rows + 1), at(rows + 4), at(rows + 5)};
  const PadSizes channels{.channels_before = pads[channel], .channels_after = pads[channel + 4]};
  if (channels == PadSizes{}) return builder.set_output(node, value);
  const Value input = value;
  value.channels += channels.channels_before + channels.channels_after;
  builder.append(node, std::make_shared<Pad>(channels), {input}, value);
}

}  // namespace quench::onnx_network
