// Pad: adds zeros, the lowest value, or the image's own pixels.

#include <algorithm>
#include <limits>
#include <utility>

#include "layers/shape_layers.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// Expands pads to all axes. Since operator set 18, a node may give them for some axes only.
Integers on_all_axes(const Integers& pads, const Integers& axes, std::size_t rank) {
  require(pads.size() == 2 * axes.size(), "pads: expected 2 for each of {} axes, got {}",
          axes.size(), dims_text(pads));
  Integers all(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], rank);
    all[axis] = pads[i];
    all[axis + rank] = pads[i + axes.size()];
  }
  return all;
}

/// The padding of each axis, and the value.
struct Pads {
  Integers before, after;  ///< including the batch
  float value = 0.0f;
};

Pads pads_of(const Builder& builder, const OnnxNode& node, const PadAttributes& attributes,
             const Value& input) {
  const auto rank = static_cast<std::size_t>(input.rank());
  Integers pads = attributes.pads;
  Pads result{.value = attributes.value};
  if (builder.model().opset >= 11) {
    pads = integers(builder.constant(node, 1));
    if (Builder::has_input(node, 3))
      pads = on_all_axes(pads, integers(builder.constant(node, 3)), rank);
    if (Builder::has_input(node, 2)) {
      const std::vector<float> given = floats(builder.constant(node, 2));
      require(given.size() <= 1, "constant_value: expected one value, got {}", given.size());
      if (!given.empty()) result.value = given[0];
    }
  }
  require(pads.size() == 2 * rank && pads[0] == 0 && pads[rank] == 0,
          "pads: expected {} values and 0 for the batch, got {} for {}", 2 * rank, dims_text(pads),
          input.text());
  constexpr std::int64_t kMost = 1 << 20;
  require(std::ranges::min(pads) >= -kMost && std::ranges::max(pads) <= kMost,
          "pads: expected {} to {}, got {}", -kMost, kMost, dims_text(pads));
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  result.before.assign(pads.begin(), middle);
  result.after.assign(middle, pads.end());
  return result;
}

/// The source index of each position along an axis that is padded with its own values, after
/// cropping.
Integers sources(const std::string& mode, std::int64_t size, std::int64_t before,
                 std::int64_t after) {
  const std::int64_t first = std::max<std::int64_t>(-before, 0),
                     kept = size - first + std::min<std::int64_t>(after, 0);
  before = std::max<std::int64_t>(before, 0);
  after = std::max<std::int64_t>(after, 0);
  const bool reflects = mode == "reflect", wraps = mode == "wrap";
  const std::int64_t padded = std::max(before, after);
  const std::int64_t most = reflects ? kept - 1 : wraps ? kept : padded;
  require(kept >= 1 && padded <= most,
          "pads: expected a nonempty rest after cropping, and {} of {} by at most {}, got {}", mode,
          kept, most, padded);
  Integers result;
  for (std::int64_t place = -before; place < kept + after; ++place) {
    std::int64_t from = std::clamp<std::int64_t>(place, 0, kept - 1);
    if (wraps) from = (place + kept) % kept;
    if (reflects) from = place < kept ? std::abs(place) : 2 * (kept - 1) - place;
    result.push_back(first + from);
  }
  return result;
}

/// Pads an image with its own rows, columns and channels.
void append_continued(Builder& builder, const OnnxNode& node, Value value, const std::string& mode,
                      const Pads& pads) {
  const Integers dims = value.dims();
  for (std::size_t axis = 1; axis < pads.before.size(); ++axis) {
    if (pads.before[axis] == 0 && pads.after[axis] == 0) continue;
    Integers from = sources(mode, dims[axis - 1], pads.before[axis], pads.after[axis]);
    value = selected(builder, name_of(node), value, axis, std::move(from));
  }
  builder.set_output(node, value);
}

/// The lowest value never wins in a max pool.
bool is_least(float value) { return value <= std::numeric_limits<float>::lowest(); }

}  // namespace

Value padded_value(const Value& input, const layers::PadSizes& sizes) {
  const auto& [top, left, bottom, right] = sizes.image;
  require(input.height + std::min(top, 0) + std::min(bottom, 0) >= 1 &&
              input.width + std::min(left, 0) + std::min(right, 0) >= 1,
          "pads: expected a nonempty part of {}, got top {}, left {}, bottom {}, right {}",
          input.text(), top, left, bottom, right);
  Value output = input;
  output.height += top + bottom;
  output.width += left + right;
  if (sizes.channels_before + sizes.channels_after == 0) return output;
  require(same_order(input),
          "pads: expected channels in quench's order, got the features of a flattened image");
  output.channels += sizes.channels_before + sizes.channels_after;
  output.blocks.clear();
  return output;
}

void build_pad(Builder& builder, const OnnxNode& node, const PadAttributes& attributes) {
  Value value = builder.activation(node);
  const Pads pads = pads_of(builder, node, attributes, value);
  const std::string& mode = attributes.mode;
  if (mode == "reflect" || mode == "edge" || mode == "wrap")
    return append_continued(builder, node, value, mode, pads);
  const bool least = is_least(pads.value);
  require(
      mode == "constant" && (pads.value == 0.0f || least),
      "expected zeros, the lowest value, or mode reflect, edge or wrap, got mode '{}', value {}",
      mode, pads.value);
  require(!value.flat(), "pads: expected an image, got {}", value.text());
  const auto channel = static_cast<std::size_t>(value.channel_axis());
  const std::size_t columns = channel == 1 ? pads.before.size() - 1 : channel - 1;
  const auto row = [&](const Integers& of_axes) {
    return value.line ? 0 : static_cast<int>(of_axes[columns - 1]);
  };
  const auto column = [&](const Integers& of_axes) { return static_cast<int>(of_axes[columns]); };
  const Padding image{row(pads.before), column(pads.before), row(pads.after), column(pads.after)};
  layers::PadSizes sizes{.channels_before = pads.before[channel],
                         .channels_after = pads.after[channel],
                         .image = image};
  require(std::min(sizes.channels_before, sizes.channels_after) >= 0,
          "pads: expected at least 0 channels, got {} and {}", sizes.channels_before,
          sizes.channels_after);
  const bool cuts = std::min({image.top, image.left, image.bottom, image.right}) < 0;
  require(!least || (!cuts && sizes.channels_before + sizes.channels_after == 0),
          "pads: expected the lowest value only in rows and columns before a MaxPool, got {} to {}",
          dims_text(pads.before), dims_text(pads.after));
  // Zeros may become part of a convolution, and the lowest value part of a max pool.
  if (!cuts) value.padding = std::exchange(sizes.image, {});
  value.pads_least = least && value.padded();
  if (sizes == layers::PadSizes{}) return builder.set_output(node, value);
  builder.append(node, std::make_shared<layers::Pad>(sizes), {value}, padded_value(value, sizes));
}

}  // namespace quench::onnx
