// Windows over an image: MaxPool, AveragePool, and their global forms.

#include <algorithm>
#include <array>
#include <utility>

#include "layers/pool.h"
#include "onnx/import/operators.h"
#include "onnx/import/windows.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

Value pooled(const Value& input, const Windows& windows) {
  Value output = input;
  const auto [height, width] = windows.output_size(input);
  output.height = height;
  output.width = width;
  output.padding = {};
  output.pads_least = false;
  return output;
}

void require_dense(const Windows& windows) {
  require(windows.dilation == std::array{1, 1}, "dilations: expected [1, 1], got [{}, {}]",
          windows.dilation[0], windows.dilation[1]);
}

/// An average that includes padding equals one over explicit zeros.
Value with_zeros(Builder& builder, const OnnxNode& node, const Value& input, Windows& windows) {
  require(!windows.ceil_mode, "count_include_pad: expected ceil_mode = 0, got 1");
  Value padded = input;
  padded.padding = std::exchange(windows.window.padding, {});
  return padded.padded() ? builder.add_zeros(node.output + "/pad", padded) : input;
}

/// Pools each whole image to [N, C, 1, 1].
template <typename Pool>
Value global_pool(Builder& builder, const std::string& name, const Value& input) {
  require(!input.flat() && std::max(input.height, input.width) <= 1 << 20,
          "expected an image [N, C, H, W], got {}", input.text());
  Value output = input;
  output.height = output.width = 1;
  const Window2d window{.kernel = {static_cast<int>(input.height), static_cast<int>(input.width)}};
  return builder.insert(name, std::make_shared<Pool>(window), {input}, output);
}

}  // namespace

void build_max_pool(Builder& builder, const OnnxNode& node, const MaxPoolAttributes& attributes) {
  const Value input = builder.image_of_maxima(node);
  const Windows windows = pool_windows(attributes, attributes.ceil_mode != 0, input);
  require_dense(windows);
  builder.append(node, std::make_shared<layers::MaxPool2d>(windows.window), {input},
                 pooled(input, windows));
}

void build_average_pool(Builder& builder, const OnnxNode& node,
                        const AveragePoolAttributes& attributes) {
  Value input = builder.image(node);
  Windows windows = pool_windows(attributes, attributes.ceil_mode != 0, input);
  require_dense(windows);
  if (attributes.count_include_pad != 0) input = with_zeros(builder, node, input, windows);
  builder.append(node, std::make_shared<layers::AveragePool2d>(windows.window), {input},
                 pooled(input, windows));
}

void build_global_average_pool(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  builder.set_output(
      node, global_pool<layers::AveragePool2d>(builder, name_of(node), builder.image(node)));
}

void build_global_max_pool(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  builder.set_output(node,
                     global_pool<layers::MaxPool2d>(builder, name_of(node), builder.image(node)));
}

}  // namespace quench::onnx
