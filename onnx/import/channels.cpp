// Parts of an image: channels of a Slice, Split or Gather, and the rows and columns of a Slice.

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

/// The channels of a node's input, or its features, by their numbers.
void append_selection(Builder& builder, const OnnxNode& node, const Value& input,
                      Integers channels) {
  require(same_order(input), "expected channels in their order, got features of an image");
  Value output = input;
  output.channels = std::ssize(channels);
  output.blocks.clear();
  if (output.flat()) output = flat_value(output.channels);
  builder.append(node, std::make_shared<SelectChannels>(std::move(channels)), {input},
                 std::move(output));
}

/// What a Slice takes of an axis: so many from a place on, in steps.
struct Range {
  std::int64_t start = 0, step = 1, count = 0;

  bool whole(std::int64_t size) const { return start == 0 && step == 1 && count == size; }
};

/// As the specification says: places may be counted from the end, and lie beyond it.
Range range_of(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t size) {
  constexpr std::int64_t kMostSteps = 1 << 20;
  require(step != 0 && step >= -kMostSteps && step <= kMostSteps,
          "steps: expected 1 to {}, forwards or backwards, got {}", kMostSteps, step);
  const auto place = [&](std::int64_t at, std::int64_t low, std::int64_t high) {
    return std::clamp(at < 0 ? std::max(at, -size - 1) + size : std::min(at, size), low, high);
  };
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const std::int64_t from = place(start, std::max<std::int64_t>(low, 0), high),
                     to = place(end, low, high);
  const std::int64_t distance = step > 0 ? to - from : from - to, size_of_step = std::abs(step);
  return {from, step, std::max<std::int64_t>((distance + size_of_step - 1) / size_of_step, 0)};
}

/// What a Slice takes of each axis of its input, the batch's first.
std::vector<Range> ranges_of(const Builder& builder, const OnnxNode& node,
                             const SliceAttributes& attributes, const Integers& sizes) {
  const auto list = [&](std::size_t input, const Integers& fallback) {
    return Builder::has_input(node, input) ? integers(builder.constant(node, input)) : fallback;
  };
  const Integers starts = list(1, attributes.starts), ends = list(2, attributes.ends);
  Integers axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  axes = list(3, attributes.axes.value_or(axes));
  const Integers steps = list(4, Integers(starts.size(), 1));
  require(
      ends.size() == starts.size() && axes.size() == starts.size() && steps.size() == starts.size(),
      "expected as many starts, ends, axes and steps, got {}, {}, {} and {}", starts.size(),
      ends.size(), axes.size(), steps.size());
  std::vector<Range> ranges;
  for (const std::int64_t size : sizes) ranges.push_back({.count = size});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], sizes.size());
    require(axis != 0, "axes: expected axes behind the batch, got 0");
    ranges[axis] = range_of(starts[i], ends[i], steps[i], sizes[axis]);
    require(ranges[axis].count >= 1,
            "expected at least one of axis {}, got {} to {} in steps of {}", axis, starts[i],
            ends[i], steps[i]);
  }
  return ranges;
}

/// Rows and columns, and every so manieth of these: what lies outside is cut off, and a max pool of windows
/// of one pixel takes the steps.
Value of_pixels(Builder& builder, const OnnxNode& node, const Value& input, const Range& rows,
                const Range& columns) {
  Window2d window;
  const auto cut = [&](std::size_t axis, const Range& range, std::int64_t size) {
    require(range.step >= 1, "steps: expected rows and columns forwards, got {}", range.step);
    window.stride[axis] = static_cast<int>(range.step);
    const std::int64_t last = range.start + (range.count - 1) * range.step;
    const std::int64_t behind = size - 1 - last;
    // Fewer than a step behind the last one do no harm.
    return std::array{static_cast<int>(-range.start),
                      behind < range.step ? 0 : static_cast<int>(-behind)};
  };
  const auto [top, bottom] = cut(0, rows, input.height);
  const auto [left, right] = cut(1, columns, input.width);
  const PadSizes part{.image = {top, left, bottom, right}};
  Value output = input;
  if (part != PadSizes{})
    output = builder.insert(node.output + "/part", std::make_shared<Pad>(part), {input},
                            padded_value(input, part));
  if (window == Window2d{}) return output;
  const Value whole = output;
  output.height = rows.count;
  output.width = columns.count;
  return builder.insert(node.output + "/pixels", std::make_shared<MaxPool2d>(window), {whole},
                        output);
}

/// The sizes of the parts of a Split, for all its outputs.
Integers parts_of(const Builder& builder, const OnnxNode& node, const SplitAttributes& attributes,
                  std::int64_t size) {
  if (Builder::has_input(node, 1)) return integers(builder.constant(node, 1));
  if (attributes.split) return *attributes.split;
  const std::int64_t parts = attributes.num_outputs.value_or(node.output_count);
  require(parts == node.output_count && parts <= size,
          "num_outputs: expected the {} outputs of the node and at most {}, got {}",
          node.output_count, size, parts);
  // The last is smaller where they do not divide.
  const std::int64_t part = (size + parts - 1) / parts;
  Integers sizes(static_cast<std::size_t>(parts), part);
  sizes.back() = size - part * (parts - 1);
  return sizes;
}

}  // namespace

void build_slice(Builder& builder, const OnnxNode& node, const SliceAttributes& attributes) {
  Value input = builder.activation(node);
  const Integers sizes = sizes_of(input);
  const std::vector<Range> ranges = ranges_of(builder, node, attributes, sizes);
  const auto channel = static_cast<std::size_t>(input.channel_axis());
  if (!input.flat()) {
    const std::size_t rows = channel == 1 ? 2 : 1;
    input = of_pixels(builder, node, input, ranges[rows], ranges[rows + 1]);
  }
  const Range& taken = ranges[channel];
  if (taken.whole(input.channels)) return builder.set_output(node, input);
  Integers channels;
  for (std::int64_t i = 0; i < taken.count; ++i) channels.push_back(taken.start + i * taken.step);
  append_selection(builder, node, input, std::move(channels));
}

void build_split(Builder& builder, const OnnxNode& node, const SplitAttributes& attributes) {
  const Value input = builder.activation(node);
  const std::size_t axis = axis_of(attributes.axis, sizes_of(input).size());
  require(axis == static_cast<std::size_t>(input.channel_axis()),
          "axis: expected {}, that of the channels, got {}", input.channel_axis(), attributes.axis);
  const Integers sizes = parts_of(builder, node, attributes, input.channels);
  require(std::ssize(sizes) == node.output_count && std::ranges::min(sizes) >= 1 &&
              std::ranges::max(sizes) <= input.channels &&
              std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) == input.channels,
          "split: expected {} sizes of at least 1 that add up to the {} channels, got {}",
          node.output_count, input.channels, dims_text(sizes));
  const auto part = sizes.begin() + node.output_index;
  Integers channels(static_cast<std::size_t>(*part));
  std::iota(channels.begin(), channels.end(),
            std::accumulate(sizes.begin(), part, std::int64_t{0}));
  append_selection(builder, node, input, std::move(channels));
}

void build_gather(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  const OnnxTensor& indices = builder.constant(node, 1);
  const Value value = builder.numbers(node);
  Integers sizes = sizes_of(value);
  const std::size_t axis = axis_of(attributes.axis.value_or(0), sizes.size());
  if (indices.dims.empty() && axis > 0 && sizes[axis] == 1 && sizes.size() > 2) {
    // The only one there is, [:, :, 0]: a Squeeze.
    const std::int64_t place = integers(indices)[0];
    require(place == 0 || place == -1, "expected the only place of axis {}, got {}", axis, place);
    sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
    return append_reshape(builder, node, value, {sizes.begin() + 1, sizes.end()});
  }
  const Value input = builder.activation(node);
  require(axis == static_cast<std::size_t>(input.channel_axis()) && indices.dims.size() == 1,
          "expected a list of channels, axis {}, got places {} of axis {}", input.channel_axis(),
          dims_text(indices.dims), axis);
  Integers channels = integers(indices);
  for (std::int64_t& channel : channels) {
    require(channel >= -input.channels && channel < input.channels,
            "expected channels from {} to {}, got {}", -input.channels, input.channels - 1,
            channel);
    channel += channel < 0 ? input.channels : 0;
  }
  require(!channels.empty(), "expected at least one channel, got none");
  append_selection(builder, node, input, std::move(channels));
}

}  // namespace quench::onnx_network
