// Windows over an image: MaxPool, AveragePool, GlobalAveragePool, ReduceMean, and Slice in steps.

#include <algorithm>
#include <numeric>
#include <utility>

#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "onnx/import/windows.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

Value pooled(const Value& input, const Windows& windows) {
  Value output = input;
  const auto [height, width] = windows.output_size(input);
  output.height = height;
  output.width = width;
  return output;
}

void require_dense(const Windows& windows) {
  require(windows.dilation == std::array{1, 1}, "dilations: expected [1, 1], got [{}, {}]",
          windows.dilation[0], windows.dilation[1]);
}

/// An average over padding too is one over zeros.
Value with_zeros(Builder& builder, const OnnxNode& node, const Value& input, Windows& windows) {
  require(!windows.ceil_mode, "count_include_pad: expected ceil_mode = 0 with it, got 1");
  Value padded = input;
  padded.padding = std::exchange(windows.window.padding, {});
  return padded.padded() ? builder.add_zeros(node.output + "/pad", padded) : input;
}

/// The mean of each whole image; [N, C, 1, 1].
Value global_average(Builder& builder, const std::string& name, const Value& input) {
  require(!input.flat() && std::max(input.height, input.width) <= 1 << 20,
          "expected an image [N, C, H, W], got {}", input.text());
  Value output = input;
  output.height = output.width = 1;
  const Window2d window{.kernel = {static_cast<int>(input.height), static_cast<int>(input.width)}};
  return builder.insert(name, std::make_shared<AveragePool2d>(window), {input}, output);
}

/// The strides by which a Slice takes every so manieth row and column of an image.
Window2d subsampling(const Builder& builder, const OnnxNode& node,
                     const SliceAttributes& attributes, const Value& image) {
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
  Window2d window;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] + (axes[i] < 0 ? 4 : 0);
    const std::int64_t size = axis == 2 ? image.height : image.width;
    require(
        (axis == 2 || axis == 3) && starts[i] == 0 && ends[i] >= size && steps[i] >= 1 &&
            steps[i] <= size,
        "expected every so manieth row or column of a whole image [N, C, H, W], got axis {} from "
        "{} to {} in steps of {}",
        axes[i], starts[i], ends[i], steps[i]);
    window.stride[axis == 2 ? 0 : 1] = static_cast<int>(steps[i]);
  }
  return window;
}

}  // namespace

void build_slice(Builder& builder, const OnnxNode& node, const SliceAttributes& attributes) {
  const Value input = builder.image(node);
  const Windows windows{.window = subsampling(builder, node, attributes, input)};
  if (windows.window == Window2d{}) return builder.set_output(node, input);
  builder.append(node, std::make_shared<MaxPool2d>(windows.window), {input},
                 pooled(input, windows));
}

void build_max_pool(Builder& builder, const OnnxNode& node, const MaxPoolAttributes& attributes) {
  const Value input = builder.image(node);
  const Windows windows = pool_windows(attributes, attributes.ceil_mode != 0, input);
  require_dense(windows);
  builder.append(node, std::make_shared<MaxPool2d>(windows.window), {input},
                 pooled(input, windows));
}

void build_average_pool(Builder& builder, const OnnxNode& node,
                        const AveragePoolAttributes& attributes) {
  Value input = builder.image(node);
  Windows windows = pool_windows(attributes, attributes.ceil_mode != 0, input);
  require_dense(windows);
  if (attributes.count_include_pad != 0) input = with_zeros(builder, node, input, windows);
  builder.append(node, std::make_shared<AveragePool2d>(windows.window), {input},
                 pooled(input, windows));
}

void build_global_average_pool(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  builder.set_output(node, global_average(builder, name_of(node), builder.image(node)));
}

void build_reduce_mean(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  const Value input = builder.activation(node);
  const Integers axes = axes_of(builder, node, attributes, input.dims().size() + 1);
  if (axes.empty() && attributes.noop_with_empty_axes != 0) return builder.set_output(node, input);
  const bool last = input.layout == Layout::channels_last;
  require(!input.flat() && axes == (last ? Integers{1, 2} : Integers{2, 3}),
          "expected the axes of rows and columns of an image, got {} of {}", dims_text(axes),
          input.text());
  Value output = global_average(builder, name_of(node), input);
  if (attributes.keepdims == 0) {
    const Value image = output;
    output = builder.insert(node.output + "/flatten", std::make_shared<Flatten>(), {image},
                            flattened(image));
  }
  builder.set_output(node, std::move(output));
}

}  // namespace quench::onnx_network
