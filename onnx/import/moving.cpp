// What moves numbers: Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Expand, Concat, Pad.

#include <algorithm>
#include <numeric>
#include <optional>
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

/// Features as the channels of images of one pixel, [N, F, 1, 1] or [N, 1, 1, F].
void append_unflatten(Builder& builder, const OnnxNode& node, const Value& input,
                      const Sizes& sizes) {
  Value features = flattened(input);
  if (!input.flat())
    features = builder.insert(node.output + "/flatten", std::make_shared<Flatten>(), {input},
                              std::move(features));
  Value image = with_view({.channels = features.channels}, sizes);
  image.blocks = features.blocks;
  image.probabilities = features.probabilities;
  builder.append(node, std::make_shared<Unflatten>(), {features}, std::move(image));
}

/// The layout whose order the numbers have once the axes are taken so; nothing if it is none. Axes of
/// size 1 are left out.
std::optional<Layout> turned_layout(const Value& value, const Sizes& axes) {
  if (axes.empty() || std::ranges::is_sorted(axes)) return value.layout;
  Sizes sorted = axes;
  std::ranges::sort(sorted);
  // Those in front, which are taken last: the channels, or the pixels.
  const auto middle = std::ranges::find(sorted, axes.front());
  std::int64_t front = 1;
  for (auto axis = sorted.begin(); axis != middle; ++axis)
    front *= value.dims()[static_cast<std::size_t>(*axis) - 1];
  std::ranges::rotate(sorted, middle);
  if (sorted != axes) return std::nullopt;
  if (value.layout == Layout::channels_first && front == value.channels)
    return Layout::channels_last;
  if (value.layout == Layout::channels_last && front == value.height * value.width)
    return Layout::channels_first;
  return std::nullopt;
}

/// The channels in the order that a Transpose of the axes gives them that a Reshape made of channels, as
/// a shuffle does; nothing if it moves other axes or none.
std::optional<Sizes> shuffled_channels(const Value& value, const Sizes& perm) {
  if (!value.viewed() || value.flat()) return std::nullopt;
  // The axes of channels: the first ones, or the last.
  const Sizes dims = value.dims();
  const auto rank = dims.size();
  const bool first = value.layout == Layout::channels_first;
  std::size_t count = 0;
  std::int64_t channels = 1;
  while (count < rank && channels < value.channels)
    channels *= dims[first ? count++ : rank - ++count];
  const std::size_t begin = first ? 0 : rank - count, end = begin + count;
  if (channels != value.channels) return std::nullopt;
  Sizes order{0};
  std::vector<std::int64_t> apart(rank, 1);
  for (std::size_t axis = end; axis-- > begin + 1;) apart[axis - 1] = apart[axis] * dims[axis];
  for (std::size_t i = 0; i < rank; ++i) {
    const auto from = static_cast<std::size_t>(perm[i + 1]) - 1;
    const bool of_channels = i >= begin && i < end;
    if (of_channels ? from < begin || from >= end : from != i) return std::nullopt;
    if (!of_channels) continue;
    Sizes next;
    for (const std::int64_t place : order)
      for (std::int64_t k = 0; k < dims[from]; ++k) next.push_back(place + k * apart[from]);
    order = std::move(next);
  }
  return order;
}

std::vector<FeatureBlock> blocks_of(const Value& value) {
  return value.blocks.empty() ? flat_value(value.channels).blocks : value.blocks;
}

Value concatenated(const std::vector<Value>& inputs, std::int64_t axis) {
  Value result = inputs[0];
  result.blocks = blocks_of(result);
  const std::int64_t rank = result.flat() ? 2 : 4;
  require((axis < 0 ? axis + rank : axis) == result.channel_axis(),
          "axis: expected {}, that of the channels, got {}", result.channel_axis(), axis);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Value& part = inputs[i];
    require(
        part.layout == result.layout && part.height == result.height && part.width == result.width,
        "expected inputs of one size, got {} and {}", result.text(), part.text());
    const std::vector<FeatureBlock> blocks = blocks_of(part);
    result.channels += part.channels;
    result.blocks.insert(result.blocks.end(), blocks.begin(), blocks.end());
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

Value padded_value(const Value& input, const PadSizes& sizes) {
  const auto& [top, left, bottom, right] = sizes.image;
  require(input.height + std::min(top, 0) + std::min(bottom, 0) >= 1 &&
              input.width + std::min(left, 0) + std::min(right, 0) >= 1,
          "pads: expected a part of {} to be left, got top {}, left {}, bottom {}, right {}",
          input.text(), top, left, bottom, right);
  Value output = input;
  output.height += top + bottom;
  output.width += left + right;
  if (sizes.channels_before + sizes.channels_after == 0) return output;
  require(same_order(input), "pads: expected channels in their order, got features of an image");
  output.channels += sizes.channels_before + sizes.channels_after;
  output.blocks.clear();
  return output;
}

void append_reshape(Builder& builder, const OnnxNode& node, const Value& input,
                    const Sizes& sizes) {
  Value view = with_view(input, sizes);
  const bool features = sizes.size() == 1;
  const bool column = sizes.size() == 3 && sizes[1] == 1 && (sizes[0] == 1 || sizes[2] == 1);
  if (!view.viewed() || !(features || column)) return builder.set_output(node, std::move(view));
  if (column) return append_unflatten(builder, node, input, sizes);
  builder.append(node, std::make_shared<Flatten>(), {input}, flattened(input));
}

void build_flatten(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  const Value value = builder.moved(node);
  const Sizes sizes = sizes_of(value);
  const std::int64_t given = attributes.axis.value_or(1);
  const std::int64_t rank = std::ssize(sizes);
  require(given >= -rank && given <= rank, "axis: expected {} to {}, got {}", -rank, rank, given);
  const std::int64_t axis = given < 0 ? given + rank : given;
  // What lies before the axis is one number with the batch, so there may be nothing.
  const bool alone = std::all_of(sizes.begin() + std::min<std::int64_t>(axis, 1),
                                 sizes.begin() + axis, [](auto size) { return size == 1; });
  require(axis == 0 ? builder.images() == 1 : alone,
          "axis: expected the batch alone before it, got {} of {}", given, value.text());
  append_reshape(builder, node, value, {value.numel()});
}

void build_reshape(Builder& builder, const OnnxNode& node, const ReshapeAttributes& attributes) {
  const Value input = builder.moved(node);
  const Sizes target = builder.sizes(node, 1);
  require(attributes.allowzero == 0 || std::ranges::find(target, 0) == target.end(),
          "allowzero: expected sizes of at least 1, got {}", sizes_text(target));
  append_reshape(builder, node, input, reshaped(sizes_of(input), target, builder.images()));
}

void build_squeeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes) {
  const Value input = builder.moved(node);
  const Sizes sizes = sizes_of(input);
  const Sizes axes = axes_of(builder, node, attributes, sizes.size());
  Sizes left;
  for (std::int64_t axis = 0; axis < std::ssize(sizes); ++axis) {
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    const bool named = std::ranges::find(axes, axis) != axes.end();
    require(!named || size == 1, "axes: expected axes of size 1 behind the batch, got {} of {}",
            axis, input.text());
    if (!(named || (axes.empty() && size == 1))) left.push_back(size);
  }
  require(left.size() >= 2, "axes: expected one that stays behind the batch, got {}", input.text());
  // A batch of 1 would go as well, and what comes then would count axes without it.
  require(!axes.empty() || builder.images() != 1 || left.size() <= 2,
          "axes: expected them to be named in a graph for one image, got none of {}", input.text());
  append_reshape(builder, node, input, {left.begin() + 1, left.end()});
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
  append_reshape(builder, node, input, {dims.begin() + 1, dims.end()});
}

void build_transpose(Builder& builder, const OnnxNode& node,
                     const TransposeAttributes& attributes) {
  Value value = builder.moved(node);
  const Sizes sizes = sizes_of(value);
  Sizes perm(sizes.size());
  std::iota(perm.begin(), perm.end(), 0);
  const Sizes given = attributes.perm.value_or(Sizes(perm.rbegin(), perm.rend()));
  require(std::ranges::is_permutation(given, perm), "perm: expected each of {} axes once, got {}",
          perm.size(), dims_text(given));
  Sizes turned, axes;
  for (const std::int64_t axis : given) {
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    turned.push_back(size);
    if (size != 1) axes.push_back(axis);
  }
  const Sizes view(turned.begin() + 1, turned.end());
  require(given[0] == 0, "perm: expected the batch in front, got {}", dims_text(given));
  if (auto channels = shuffled_channels(value, given)) {
    require(same_order(value), "expected channels in their order, got features of an image");
    Value shuffled = value;
    shuffled.view = view;
    return builder.append(node, std::make_shared<SelectChannels>(std::move(*channels)), {value},
                          std::move(shuffled));
  }
  const auto layout = turned_layout(value, {axes.begin() + 1, axes.end()});
  require(layout.has_value(),
          "perm: expected a change between [N, C, H, W] and [N, H, W, C], got {} of {}",
          dims_text(given), value.text());
  value.layout = *layout;
  builder.set_output(node, with_view(std::move(value), view));
}

void build_expand(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  Value value = builder.activation(node);
  const Sizes sizes = sizes_of(value);
  Sizes target = builder.sizes(node, 1);
  require(target.size() <= sizes.size(), "expected at most {} sizes, got {}", sizes.size(),
          sizes_text(target));
  target.insert(target.begin(), sizes.size() - target.size(), 1);
  require(target[0] == kBatch || target[0] == 1 || target[0] == builder.images(),
          "expected the batch as it is, got {}", sizes_text(target));
  const std::size_t rows = value.layout == Layout::channels_last ? 1 : 2;
  constexpr std::int64_t kMost = 1 << 20;
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) {
    if (target[axis] == sizes[axis] || target[axis] == 1) continue;
    require(sizes[axis] == 1 && !value.flat() && (axis == rows || axis == rows + 1) &&
                target[axis] >= 1 && target[axis] <= kMost,
            "expected rows and columns to be repeated, got {} of {}", sizes_text(target),
            value.text());
    value.repeated[axis - rows] = target[axis];
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
  require(std::ranges::min(pads) >= -kMost && std::ranges::max(pads) <= kMost,
          "pads: expected {} to {}, got {}", -kMost, kMost, dims_text(pads));
  const auto channel = static_cast<std::size_t>(value.channel_axis());
  const std::size_t rows = channel == 1 ? 2 : 1;
  const auto at = [&](std::size_t i) { return static_cast<int>(pads[i]); };
  const Padding image{at(rows), at(rows + 1), at(rows + 4), at(rows + 5)};
  PadSizes sizes{
      .channels_before = pads[channel], .channels_after = pads[channel + 4], .image = image};
  require(std::min(sizes.channels_before, sizes.channels_after) >= 0,
          "pads: expected at least 0 channels, got {}", dims_text(pads));
  const bool cuts = std::min({image.top, image.left, image.bottom, image.right}) < 0;
  // Zeros alone may become part of a convolution.
  if (!cuts) value.padding = std::exchange(sizes.image, {});
  if (sizes == PadSizes{}) return builder.set_output(node, value);
  builder.append(node, std::make_shared<Pad>(sizes), {value}, padded_value(value, sizes));
}

}  // namespace quench::onnx_network
