// Windows over an image: MaxPool, AveragePool, their global forms, and Resize.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
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

/// A pool of each whole image; [N, C, 1, 1].
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
  builder.set_output(node, global_pool<AveragePool2d>(builder, name_of(node), builder.image(node)));
}

void build_global_max_pool(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  builder.set_output(node, global_pool<MaxPool2d>(builder, name_of(node), builder.image(node)));
}

void build_resize(Builder& builder, const OnnxNode& node, const ResizeAttributes& attributes) {
  const Value input = builder.image(node);
  // The first Resize, of operator set 10, has no more than scales, and one way to use them.
  const bool is_first = builder.model().opset < 11;
  const bool sizes = Builder::has_input(node, 3);
  std::array<int, 2> factor{1, 1};
  const auto list = sizes ? builder.sizes(node, 3) : Integers{};
  const auto scales =
      sizes ? std::vector<float>{} : floats(builder.constant(node, is_first ? 1 : 2));
  const std::size_t count = sizes ? list.size() : scales.size();
  require(!attributes.axes && count == 4, "expected {} for [N, C, H, W], got {}",
          sizes ? "sizes" : "scales", count);
  const std::array<std::int64_t, 2> from{input.height, input.width};
  for (std::size_t i = 0; i < 2; ++i) {
    const double scale = sizes ? static_cast<double>(list[i + 2]) / static_cast<double>(from[i])
                               : static_cast<double>(scales[i + 2]);
    require(scale >= 1.0 && scale <= 1024.0 && scale == std::floor(scale),
            "expected to be made larger by whole numbers up to 1024, got {}", scale);
    factor[i] = static_cast<int>(scale);
  }
  const bool same = sizes ? list[1] == input.channels : scales[0] == 1.0f && scales[1] == 1.0f;
  require(same, "expected as many images and channels as before");
  // With factors that are whole, all of these take the pixel that the place lies in.
  const std::string& transformation = attributes.coordinate_transformation_mode;
  const bool asymmetric =
      is_first || (transformation == "asymmetric" && attributes.nearest_mode == "floor");
  const bool half_pixel =
      (transformation == "half_pixel" || transformation == "pytorch_half_pixel") &&
      attributes.nearest_mode.starts_with("round_prefer");
  require(attributes.mode == "nearest" && (asymmetric || half_pixel),
          "expected the nearest pixel (asymmetric with floor, or half_pixel), got mode '{}', "
          "coordinate_transformation_mode '{}', nearest_mode '{}'",
          attributes.mode, transformation, attributes.nearest_mode);
  if (factor == std::array{1, 1}) return builder.set_output(node, input);
  Value output = input;
  output.height *= factor[0];
  output.width *= factor[1];
  builder.append(node, std::make_shared<Upsample>(factor), {input}, std::move(output));
}

}  // namespace quench::onnx_network
