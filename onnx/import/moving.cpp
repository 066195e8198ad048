// Operators that move values: Flatten, Reshape, Squeeze, Unsqueeze, Transpose, DepthToSpace,
// SpaceToDepth, Expand, Concat.

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

namespace quench::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

/// Turns features into the channels of one-pixel images, [N, F, 1, 1] or [N, 1, 1, F].
void append_unflatten(Builder& builder, const OnnxNode& node, const Value& input,
                      const Sizes& sizes) {
  Value features = flattened(input);
  if (!input.flat())
    features = builder.insert(node.output + "/flatten", std::make_shared<layers::Flatten>(),
                              {input}, std::move(features));
  Value image = with_view({.channels = features.channels}, sizes);
  image.blocks = features.blocks;
  image.probabilities = features.probabilities;
  builder.append(node, std::make_shared<layers::Unflatten>(), {features}, std::move(image));
}

/// The layout after a permutation of axes; null if no layout matches. `axes` omits those of size 1.
std::optional<Layout> turned_layout(const Value& value, const Sizes& axes) {
  if (axes.empty() || std::ranges::is_sorted(axes)) return value.layout;
  Sizes sorted = axes;
  std::ranges::sort(sorted);
  // The leading axes, which move last: the channels, or the pixels.
  const auto middle = std::ranges::find(sorted, axes.front());
  std::int64_t front = 1;
  for (auto axis = sorted.begin(); axis != middle; ++axis)
    front *= value.dims()[static_cast<std::size_t>(*axis) - 1];
  std::rotate(sorted.begin(), middle, sorted.end());
  if (sorted != axes) return std::nullopt;
  if (value.layout == Layout::channels_first && front == value.channels)
    return Layout::channels_last;
  if (value.layout == Layout::channels_last && front == value.height * value.width)
    return Layout::channels_first;
  return std::nullopt;
}

/// The channel order after a Transpose of axes that a Reshape split off the channels, as in a
/// channel shuffle; null if other axes move, or none.
std::optional<Sizes> shuffled_channels(const Value& value, const Sizes& perm) {
  if (!value.viewed() || value.flat()) return std::nullopt;
  // The channel axes: the first ones, or the last.
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

Value concatenated(const std::vector<Value>& inputs) {
  Value result = inputs[0];
  result.blocks = blocks_of(result);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Value& part = inputs[i];
    require(part.layout == result.layout && part.height == result.height &&
                part.width == result.width && part.line == result.line,
            "expected inputs of one size, got {} and {}", result.text(), part.text());
    const std::vector<FeatureBlock> blocks = blocks_of(part);
    result.channels += part.channels;
    result.blocks.insert(result.blocks.end(), blocks.begin(), blocks.end());
  }
  return result;
}

/// The image that a Transpose produces. A following Reshape determines which axes are channels;
/// otherwise the Transpose's own dims do, with the first of more than three as channels.
Value transposed_value(const Builder& builder, const OnnxNode& node, const Value& value,
                       const Sizes& dims) {
  const Layout layout = value.flat() ? Layout::channels_first : value.layout;
  Sizes image = dims;
  const OnnxNode* reader = builder.only_reader(node);
  if (reader != nullptr && reader->op == "Reshape" && builder.is_constant(*reader, 1)) {
    Sizes sizes = dims;
    sizes.insert(sizes.begin(), kBatch);
    image = reshaped(sizes, builder.sizes(*reader, 1), builder.images());
  }
  if (image.size() != 2 && image.size() != 3) {
    image = {1, 1};
    for (std::size_t i = 0; i < dims.size(); ++i) {
      const bool channels = layout == Layout::channels_last ? i + 1 == dims.size() : i == 0;
      image[channels == (layout == Layout::channels_first) ? 0 : 1] *= dims[i];
    }
  }
  return with_view(image_value(image, layout), dims);
}

/// Views `input` with other dims, permutes the axes, and appends an image [N, C, H, W].
void append_moved(Builder& builder, const OnnxNode& node, Value input, const Sizes& dims,
                  const Sizes& axes, const Sizes& image) {
  input.view = dims;
  builder.set_output(node, builder.rearranged(name_of(node), input, axes,
                                              image_value(image, Layout::channels_first)));
}

std::int64_t block_size(std::int64_t given) {
  constexpr std::int64_t kMostPixels = 1024;
  require(given >= 1 && given <= kMostPixels, "blocksize: expected 1 to {}, got {}", kMostPixels,
          given);
  return given;
}

/// Concatenates along rows or columns, which become channels temporarily.
void append_joined(Builder& builder, const OnnxNode& node, const std::vector<Value>& inputs,
                   std::size_t axis) {
  Sizes order{static_cast<std::int64_t>(axis) - 1};
  for (std::int64_t i = 0; i < inputs[0].rank() - 1; ++i)
    if (i != order[0]) order.push_back(i);
  std::vector<Value> turned;
  for (const Value& input : inputs) {
    require(input.rank() == inputs[0].rank(),
            "expected inputs with the same number of dims, got {} and {}", inputs[0].text(),
            input.text());
    Sizes dims;
    for (const std::int64_t i : order) dims.push_back(input.dims()[static_cast<std::size_t>(i)]);
    turned.push_back(builder.rearranged(node.output + "/turned", input, order,
                                        image_value(dims, Layout::channels_first)));
  }
  const Value joined = builder.insert(name_of(node), std::make_shared<layers::Concat>(), turned,
                                      concatenated(turned));
  Sizes dims = inputs[0].dims(), back(order.size());
  dims[axis - 1] = joined.channels;
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  builder.set_output(node, builder.rearranged(node.output + "/joined", joined, back,
                                              image_value(dims, inputs[0].layout)));
}

}  // namespace

void append_reshape(Builder& builder, const OnnxNode& node, const Value& input,
                    const Sizes& sizes) {
  Value view = with_view(input, sizes);
  const bool features = sizes.size() == 1;
  const bool column = sizes.size() == 3 && sizes[1] == 1 && (sizes[0] == 1 || sizes[2] == 1);
  if (!view.viewed() || !(features || column)) return builder.set_output(node, std::move(view));
  if (column) return append_unflatten(builder, node, input, sizes);
  builder.append(node, std::make_shared<layers::Flatten>(), {input}, flattened(input));
}

void build_flatten(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  const Value value = builder.moved(node);
  const Sizes sizes = sizes_of(value);
  const std::int64_t given = attributes.axis.value_or(1);
  const std::int64_t rank = std::ssize(sizes);
  require(given >= -rank && given <= rank, "axis: expected {} to {}, got {}", -rank, rank, given);
  const std::int64_t axis = given < 0 ? given + rank : given;
  // Dims before the axis merge with the batch, so all must be 1.
  const bool alone = std::all_of(sizes.begin() + std::min<std::int64_t>(axis, 1),
                                 sizes.begin() + axis, [](auto size) { return size == 1; });
  require(axis == 0 ? builder.images() == 1 : alone,
          "axis: expected only the batch before it, got {} of {}", given, value.text());
  append_reshape(builder, node, value, {value.numel()});
}

void build_reshape(Builder& builder, const OnnxNode& node, const ReshapeAttributes& attributes) {
  const bool joined = builder.bare_activation(node).joins_batch;
  Value input = joined ? builder.row_of_batch(node) : builder.moved(node);
  const Sizes target = builder.sizes(node, 1);
  const std::int64_t images = builder.images();
  if (images != OnnxValue::kAnySize &&
      (target == Sizes{-1} || target == Sizes{images * input.numel()})) {
    input.joins_batch = true;
    return builder.set_output(node, input);
  }
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
    require(!named || size == 1, "axes: expected axes of size 1 after the batch, got {} of {}",
            axis, input.text());
    if (!(named || (axes.empty() && size == 1))) left.push_back(size);
  }
  require(left.size() >= 2, "axes: expected at least one axis to remain after the batch, got {}",
          input.text());
  // A batch of 1 would be removed too, and later nodes would count axes without it.
  require(!axes.empty() || builder.images() != 1 || left.size() <= 2,
          "axes: expected explicit axes in a graph for one image, got none for {}", input.text());
  append_reshape(builder, node, input, {left.begin() + 1, left.end()});
}

void build_unsqueeze(Builder& builder, const OnnxNode& node, const AxesAttributes& attributes) {
  const Value input = builder.moved(node);
  Sizes dims = sizes_of(input);
  const std::size_t added = Builder::has_input(node, 1) ? integers(builder.constant(node, 1)).size()
                                                        : attributes.axes.value_or(Sizes{}).size();
  for (const std::int64_t axis : axes_of(builder, node, attributes, dims.size() + added)) {
    require(axis >= 1, "axes: expected axes after the batch, got {}", axis);
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
  require(given[0] == 0, "perm: expected the batch first, got {}", dims_text(given));
  if (auto channels = shuffled_channels(value, given)) {
    require(same_order(value),
            "expected channels in quench's order, got the features of a flattened image");
    Value shuffled = value;
    shuffled.view = view;
    return builder.append(node, std::make_shared<layers::SelectChannels>(std::move(*channels)),
                          {value}, std::move(shuffled));
  }
  if (const auto layout = turned_layout(value, {axes.begin() + 1, axes.end()})) {
    value.layout = *layout;
    return builder.set_output(node, with_view(std::move(value), view));
  }
  Sizes behind_batch;
  for (std::size_t i = 1; i < given.size(); ++i) behind_batch.push_back(given[i] - 1);
  builder.set_output(node, builder.rearranged(name_of(node), value, behind_batch,
                                              transposed_value(builder, node, value, view)));
}

void build_depth_to_space(Builder& builder, const OnnxNode& node,
                          const DepthToSpaceAttributes& attributes) {
  const Value input = builder.image(node);
  const std::int64_t block = block_size(attributes.blocksize);
  require(!input.line && input.channels % (block * block) == 0,
          "blocksize: expected its square to divide the {} channels of {}, got {}", input.channels,
          input.text(), block);
  const std::int64_t channels = input.channels / (block * block);
  const Sizes image{channels, input.height * block, input.width * block};
  const bool blocks_first = attributes.mode == "DCR";
  require(blocks_first || attributes.mode == "CRD", "mode: expected DCR or CRD, got '{}'",
          attributes.mode);
  if (blocks_first)
    return append_moved(builder, node, input, {block, block, channels, input.height, input.width},
                        {2, 3, 0, 4, 1}, image);
  append_moved(builder, node, input, {channels, block, block, input.height, input.width},
               {0, 3, 1, 4, 2}, image);
}

void build_space_to_depth(Builder& builder, const OnnxNode& node,
                          const SpaceToDepthAttributes& attributes) {
  const Value input = builder.image(node);
  const std::int64_t block = block_size(attributes.blocksize);
  require(!input.line && input.height % block == 0 && input.width % block == 0,
          "blocksize: expected a divisor of the rows and columns of {}, got {}", input.text(),
          block);
  const std::int64_t rows = input.height / block, columns = input.width / block;
  append_moved(builder, node, input, {input.channels, rows, block, columns, block}, {2, 4, 0, 1, 3},
               {block * block * input.channels, rows, columns});
}

void build_expand(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  Value value = builder.activation(node);
  const Sizes sizes = sizes_of(value);
  Sizes target = builder.sizes(node, 1);
  require(target.size() <= sizes.size(), "expected at most {} sizes, got {}", sizes.size(),
          sizes_text(target));
  target.insert(target.begin(), sizes.size() - target.size(), 1);
  require(target[0] == kBatch || target[0] == 1 || target[0] == builder.images(),
          "expected an unchanged batch, got {}", sizes_text(target));
  // A line has no axis of rows.
  const std::size_t rows = (value.layout == Layout::channels_last ? 1 : 2) - (value.line ? 1 : 0);
  const std::size_t first = value.line ? rows + 1 : rows;
  constexpr std::int64_t kMost = 1 << 20;
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) {
    if (target[axis] == sizes[axis] || target[axis] == 1) continue;
    require(sizes[axis] == 1 && !value.flat() && axis >= first && axis <= rows + 1 &&
                target[axis] >= 1 && target[axis] <= kMost,
            "expected only rows and columns to be repeated, got {} of {}", sizes_text(target),
            value.text());
    value.repeated[axis - rows] = target[axis];
  }
  builder.set_output(node, value);
}

void build_concat(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  require(!node.inputs.empty(), "expected at least one input");
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    inputs.push_back(i == 0 ? builder.activation(node, i) : builder.like(inputs[0], node, i));
  const std::size_t axis =
      axis_of(attributes.axis.value_or(1), static_cast<std::size_t>(inputs[0].rank()));
  require(axis >= 1, "axis: expected one after the batch, got {}", axis);
  if (inputs.size() == 1) return builder.set_output(node, inputs[0]);
  if (axis != static_cast<std::size_t>(inputs[0].channel_axis()))
    return append_joined(builder, node, inputs, axis);
  builder.append(node, std::make_shared<layers::Concat>(), inputs, concatenated(inputs));
}

}  // namespace quench::onnx
