// What moves numbers: Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Concat, Pad.

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "layers/shape_layers.h"
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
  const bool probabilities = builder.bare_activation(node).probabilities;
  const Value input = probabilities ? builder.bare_activation(node) : builder.activation(node);
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

/// Axes counted from 0, of a tensor with so many.
Sizes axes_of(const Builder& builder, const OnnxNode& node, std::int64_t rank) {
  Sizes axes = attribute(node, "axes", Sizes{});
  if (Builder::has_input(node, 1)) axes = integers(builder.constant(node, 1));
  for (std::int64_t& axis : axes) {
    require(axis >= -rank && axis < rank, "axes: expected {} to {}, got {}", -rank, rank - 1, axis);
    axis += axis < 0 ? rank : 0;
  }
  std::ranges::sort(axes);
  return axes;
}

Sizes with_batch(const Value& value) {
  Sizes dims = value.dims();
  dims.insert(dims.begin(), kBatch);
  return dims;
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

/// Before and after on each of [N, C, H, W].
Sizes pads_of(const Builder& builder, const OnnxNode& node) {
  Sizes pads = attribute(node, "pads", Sizes{});
  float value = attribute(node, "value", 0.0f);
  if (builder.model().opset >= 11) {
    pads = integers(builder.constant(node, 1));
    if (Builder::has_input(node, 2)) {
      const std::vector<float> given = floats(builder.constant(node, 2));
      require(given.size() <= 1, "constant_value: expected one number, got {}", given.size());
      if (!given.empty()) value = given[0];
    }
  }
  const std::string mode = attribute(node, "mode", std::string("constant"));
  require(mode == "constant" && value == 0.0f, "expected constant zeros, got mode '{}', value {}",
          mode, value);
  return pads;
}

}  // namespace

void build_flatten(Builder& builder, const OnnxNode& node) {
  const Value value = builder.bare_activation(node);
  const std::int64_t axis = attribute(node, "axis", std::int64_t{1});
  const std::int64_t rank = value.flat() ? 2 : 4;
  require((axis < 0 ? axis + rank : axis) == 1, "axis: expected 1, got {}", axis);
  append_reshape(builder, node, {value.numel()});
}

void build_reshape(Builder& builder, const OnnxNode& node) {
  const Value input = builder.bare_activation(node);
  append_reshape(builder, node,
                 reshaped(with_batch(input), integers(builder.constant(node, 1)), builder.model()));
}

void build_squeeze(Builder& builder, const OnnxNode& node) {
  const Value input = builder.bare_activation(node);
  const Sizes dims = with_batch(input);
  Sizes axes = axes_of(builder, node, std::ssize(dims)), left;
  for (std::int64_t axis = 1; axis < std::ssize(dims); ++axis) {
    const std::int64_t size = dims[static_cast<std::size_t>(axis)];
    const bool named = std::ranges::find(axes, axis) != axes.end();
    require(!named || size == 1, "axes: expected axes of size 1, got {} of {}", axis, input.text());
    if (!(named || (axes.empty() && size == 1))) left.push_back(size);
  }
  append_reshape(builder, node, left);
}

void build_unsqueeze(Builder& builder, const OnnxNode& node) {
  const Value input = builder.bare_activation(node);
  Sizes dims = with_batch(input);
  const std::int64_t added = std::ssize(axes_of(builder, node, 4));
  for (const std::int64_t axis : axes_of(builder, node, std::ssize(dims) + added)) {
    require(axis >= 1 && axis <= std::ssize(dims), "axes: expected axes behind the batch, got {}",
            axis);
    dims.insert(dims.begin() + axis, 1);
  }
  append_reshape(builder, node, {dims.begin() + 1, dims.end()});
}

void build_transpose(Builder& builder, const OnnxNode& node) {
  Value value = builder.activation(node);
  const Sizes axes = attribute(node, "perm", Sizes{});
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

void build_concat(Builder& builder, const OnnxNode& node) {
  require(!node.inputs.empty(), "expected at least one input");
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    inputs.push_back(builder.activation(node, i));
  Value output = concatenated(inputs, attribute(node, "axis", std::int64_t{1}));
  if (inputs.size() == 1) return builder.set_output(node, std::move(output));
  builder.append(node, std::make_shared<Concat>(), inputs, std::move(output));
}

void build_pad(Builder& builder, const OnnxNode& node) {
  Value value = builder.activation(node);
  const Sizes pads = pads_of(builder, node);
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
