// Selects channels, rows and columns of an image by index: Slice, Split, Gather.

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "layers/shape_layers.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// Selects channels or features.
Value selected_channels(Builder& builder, const std::string& name, const Value& input,
                        Integers channels) {
  require(same_order(input),
          "expected channels in quench's order, got the features of a flattened image");
  Value output = input;
  output.channels = std::ssize(channels);
  output.blocks.clear();
  if (output.flat()) output = flat_value(output.channels);
  return builder.insert(name, std::make_shared<layers::SelectChannels>(std::move(channels)),
                        {input}, std::move(output));
}

/// Limits the length of index lists. Sizes from a file are untrusted.
void require_listed(std::int64_t count) {
  constexpr std::int64_t kMostListed = 1 << 20;
  require(count <= kMostListed, "expected at most {} indices of an axis, got {}", kMostListed,
          count);
}

Integers all_of(std::int64_t size) {
  require_listed(size);
  Integers numbers(static_cast<std::size_t>(size));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// The part of an axis that a Slice selects.
struct Range {
  std::int64_t start = 0, step = 1, count = 0;

  bool whole(std::int64_t size) const { return start == 0 && step == 1 && count == size; }
  Integers numbers() const {
    require_listed(count);
    Integers result;
    for (std::int64_t i = 0; i < count; ++i) result.push_back(start + i * step);
    return result;
  }
};

/// Follows the specification: indices may count from the end and may be out of range.
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

/// The range of a Slice for each axis of its input, the batch first.
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
      "expected equal numbers of starts, ends, axes and steps, got {}, {}, {} and {}",
      starts.size(), ends.size(), axes.size(), steps.size());
  std::vector<Range> ranges;
  for (const std::int64_t size : sizes) ranges.push_back({.count = size});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], sizes.size());
    require(axis != 0, "axes: expected axes after the batch, got 0");
    ranges[axis] = range_of(starts[i], ends[i], steps[i], sizes[axis]);
    require(ranges[axis].count >= 1,
            "expected at least one element of axis {}, got {} to {} in steps of {}", axis,
            starts[i], ends[i], steps[i]);
  }
  return ranges;
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
  // The last part is smaller if the size is not divisible.
  const std::int64_t part = (size + parts - 1) / parts;
  Integers sizes(static_cast<std::size_t>(parts), part);
  sizes.back() = size - part * (parts - 1);
  return sizes;
}

/// Splits one row with all images into [N, dims...], as in PyTorch's exports of strided views.
void append_parted(Builder& builder, const OnnxNode& node, const OnnxTensor& indices) {
  const Value value = builder.row_of_batch(node);
  const Integers positions = integers(indices);
  const bool images = indices.dims.size() >= 2 && indices.dims[0] == builder.images();
  require(images && positions == all_of(builder.images() * value.numel()),
          "expected all values of all images in order, got {} indices of {}", positions.size(),
          value.text());
  append_reshape(builder, node, value, {indices.dims.begin() + 1, indices.dims.end()});
}

}  // namespace

Value selected_pixels(Builder& builder, const std::string& name, const Value& input, Integers rows,
                      Integers columns) {
  Value output = input;
  output.height = std::ssize(rows);
  output.width = std::ssize(columns);
  if (rows == all_of(input.height) && columns == all_of(input.width)) return input;
  return builder.insert(name,
                        std::make_shared<layers::SelectPixels>(std::move(rows), std::move(columns)),
                        {input}, std::move(output));
}

Value selected(Builder& builder, const std::string& name, const Value& input, std::size_t axis,
               Integers numbers) {
  const auto channels = static_cast<std::size_t>(input.channel_axis());
  if (axis == channels) return selected_channels(builder, name, input, std::move(numbers));
  const std::size_t rows = channels == 1 ? 2 : 1;
  if (axis == rows && !input.line)
    return selected_pixels(builder, name, input, std::move(numbers), all_of(input.width));
  return selected_pixels(builder, name, input, all_of(input.height), std::move(numbers));
}

void build_slice(Builder& builder, const OnnxNode& node, const SliceAttributes& attributes) {
  Value value = builder.activation(node);
  const Integers sizes = sizes_of(value);
  const std::vector<Range> ranges = ranges_of(builder, node, attributes, sizes);
  std::vector<std::size_t> axes;
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) {
    if (!ranges[axis].whole(sizes[axis])) axes.push_back(axis);
  }
  for (const std::size_t axis : axes) {
    const std::string name = axis == axes.back() ? name_of(node) : node.output + "/part";
    value = selected(builder, name, value, axis, ranges[axis].numbers());
  }
  builder.set_output(node, value);
}

void build_split(Builder& builder, const OnnxNode& node, const SplitAttributes& attributes) {
  const Value input = builder.activation(node);
  const Integers dims = sizes_of(input);
  const std::size_t axis = axis_of(attributes.axis, dims.size());
  require(axis >= 1, "axis: expected one after the batch, got {}", attributes.axis);
  const Integers sizes = parts_of(builder, node, attributes, dims[axis]);
  require(std::ssize(sizes) == node.output_count && std::ranges::min(sizes) >= 1 &&
              std::ranges::max(sizes) <= dims[axis] &&
              std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) == dims[axis],
          "split: expected {} sizes of at least 1 that add up to {}, got {}", node.output_count,
          dims[axis], dims_text(sizes));
  const auto part = sizes.begin() + node.output_index;
  Integers numbers(static_cast<std::size_t>(*part));
  std::iota(numbers.begin(), numbers.end(), std::accumulate(sizes.begin(), part, std::int64_t{0}));
  builder.set_output(node, selected(builder, name_of(node), input, axis, std::move(numbers)));
}

void build_gather(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  const OnnxTensor& indices = builder.constant(node, 1);
  if (builder.bare_activation(node).joins_batch) return append_parted(builder, node, indices);
  Value value = builder.numbers(node);
  Integers sizes = sizes_of(value);
  const std::size_t axis = axis_of(attributes.axis.value_or(0), sizes.size());
  // A scalar index removes the axis, [:, :, 0]; if the axis has size 1, nothing moves.
  const bool squeezes = indices.dims.empty();
  require(axis >= 1 && (indices.dims.size() == 1 || (squeezes && sizes.size() > 2)),
          "expected a list of indices on an axis after the batch, got indices {} of axis {} of {}",
          dims_text(indices.dims), axis, value.text());
  Integers numbers = integers(indices);
  for (std::int64_t& number : numbers) {
    require(number >= -sizes[axis] && number < sizes[axis],
            "expected indices from {} to {} of axis {}, got {}", -sizes[axis], sizes[axis] - 1,
            axis, number);
    number += number < 0 ? sizes[axis] : 0;
  }
  require(!numbers.empty(), "expected at least one index, got none");
  if (!(squeezes && sizes[axis] == 1))
    value = selected(builder, squeezes ? node.output + "/part" : name_of(node),
                     builder.activation(node), axis, std::move(numbers));
  if (!squeezes) return builder.set_output(node, value);
  sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
  append_reshape(builder, node, value, {sizes.begin() + 1, sizes.end()});
}

}  // namespace quench::onnx
