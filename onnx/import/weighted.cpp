// Layers with a weight: Conv, ConvTranspose, Gemm, MatMul.

#include <algorithm>
#include <array>
#include <utility>

#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/shape_layers.h"
#include "onnx/import/constants.h"
#include "onnx/import/fusion.h"
#include "onnx/import/grids.h"
#include "onnx/import/operators.h"
#include "onnx/import/windows.h"
#include "quant/strategies/fixed.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

Tensor weight_of(Builder& builder, const Shape& shape, const LayerNumbers& numbers) {
  const OnnxNetworkOptions& options = builder.options();
  if (options.random_weights) return layers::glorot_uniform(shape, builder.random());
  return options.shapes_only ? Tensor(shape) : Tensor::from_row_major(shape, numbers.weight);
}

void fill_bias(const Builder& builder, const layers::QuantizedLayer& layer,
               const LayerNumbers& numbers) {
  if (numbers.bias.empty() || builder.options().random_weights) return;
  Variable bias = layer.bias();
  bias.mutable_value().copy_from(to_tensor(numbers.bias));
}

/// Whether a parameter from the same constant has these values in this order.
bool holds(const Builder& builder, const Variable& parameter, const std::vector<float>& numbers) {
  const OnnxNetworkOptions& options = builder.options();
  return options.random_weights || options.shapes_only ||
         parameter.value().to_row_major() == numbers;
}

/// A layer that shares the weight of `shared`, and its bias if it comes from the same constant.
template <typename L, typename Options>
std::shared_ptr<L> make_sharing(const Builder& builder, const SharedWeight& shared,
                                const LayerNumbers& numbers, const Options& options) {
  using Bias = layers::QuantizedLayer::Bias;
  if (numbers.bias.empty()) return std::make_shared<L>(options, *shared.layer, Bias::none);
  if (numbers.bias_constant == shared.bias && holds(builder, shared.layer->bias(), numbers.bias))
    return std::make_shared<L>(options, *shared.layer, Bias::shared);
  auto layer = std::make_shared<L>(options, *shared.layer, Bias::own);
  fill_bias(builder, *layer, numbers);
  return layer;
}

/// Adds a layer with this weight shape and the values of the file, including absorbed nodes. If a
/// layer was already made from the same constant, the new one shares its weight.
template <typename L, typename Options>
void append_layer(Builder& builder, const OnnxNode& node, const Value& input, Value output,
                  LayerNumbers numbers, const Shape& shape, Options options) {
  take_bias_and_norm(builder, node, output, numbers);
  options.bias = !numbers.bias.empty();
  SharedWeight& shared = builder.shared_weight(node);
  if (shared.layer != nullptr && shared.layer->weight().shape() == shape &&
      holds(builder, shared.layer->weight(), numbers.weight))
    return builder.append(node, make_sharing<L>(builder, shared, numbers, options), {input},
                          std::move(output));
  auto layer = std::make_shared<L>(options, weight_of(builder, shape, numbers));
  fill_bias(builder, *layer, numbers);
  if (numbers.grid)
    layer->set_weight_quantizer(quant::make_fixed_quantizer(
        quant::Role::weight, *numbers.grid, layer->weight().shape(), name_of(node) + ".weight"));
  if (shared.layer == nullptr) shared = {layer.get(), numbers.bias_constant};
  builder.append(node, std::move(layer), {input}, std::move(output));
}

void append_linear(Builder& builder, const OnnxNode& node, const Value& input,
                   LayerNumbers numbers) {
  const std::int64_t outputs = numbers.out_channels;
  append_layer<layers::Linear>(
      builder, node, input, flat_value(outputs), std::move(numbers), {outputs, input.channels},
      layers::LinearOptions{.in_features = input.channels, .out_features = outputs});
}

/// The same for each pixel of [N, H, W, F]: a 1x1 convolution.
void append_pointwise(Builder& builder, const OnnxNode& node, const Value& input,
                      LayerNumbers numbers) {
  const std::int64_t outputs = numbers.out_channels;
  Value output = input;
  output.channels = outputs;
  output.blocks.clear();
  append_layer<layers::Conv2d>(
      builder, node, input, output, std::move(numbers), {outputs, input.channels, 1, 1},
      layers::Conv2dOptions{
          .in_channels = input.channels, .out_channels = outputs, .kernel_size = {1, 1}});
}

/// Whether the values of a weight are needed.
bool reads(const Builder& builder, const OnnxTensor& weight) {
  require(weight.type == OnnxType::f32, "'{}': expected floats, got another type", weight.name);
  return !builder.options().random_weights && !builder.options().shapes_only;
}

/// [O, I/groups, KH, KW] with input channels in quench's order.
std::vector<float> read_kernels(const Builder& builder, const OnnxTensor& weight,
                                const Value& input, std::int64_t groups) {
  require(same_order(input) || groups == 1,
          "expected one group over the features of an image, got {}", groups);
  if (!reads(builder, weight)) return {};
  std::vector<float> numbers = floats(weight);
  if (same_order(input)) return numbers;
  const std::size_t pixels =
      numbers.size() / static_cast<std::size_t>(weight.dims[0] * weight.dims[1]);
  const auto channels = static_cast<std::size_t>(input.channels);
  for (std::size_t first = 0; first < numbers.size(); first += channels * pixels) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      const auto at = [&](std::size_t c) -> float& { return numbers[first + c * pixels + pixel]; };
      std::vector<float> row(channels);
      for (std::size_t c = 0; c < channels; ++c) row[c] = at(c);
      row = in_order(input, std::move(row));
      for (std::size_t c = 0; c < channels; ++c) at(c) = row[c];
    }
  }
  return numbers;
}

/// The kernel size of a weight, with as many axes as the image.
Integers kernel_of(const OnnxTensor& weight, const Value& image, const char* expected) {
  require(std::ssize(weight.dims) == image.rank(), "'{}': expected a weight {}, got {} for {}",
          weight.name, image.line ? "of one row, without KH" : expected, dims_text(weight.dims),
          image.text());
  return {weight.dims.begin() + 2, weight.dims.end()};
}

/// Adds a convolution of `image`, which may be the node's input after another module.
void append_conv(Builder& builder, const OnnxNode& node, const Value& image, const Windows& windows,
                 std::int64_t groups, LayerNumbers numbers) {
  const std::int64_t outputs = numbers.out_channels;
  const auto [height, width] = windows.output_size(image);
  const Value output{.channels = outputs, .height = height, .width = width, .line = image.line};
  if (Builder::has_input(node, 2)) {
    numbers.bias_constant = &builder.constant(node, 2);
    numbers.bias = vector_of(*numbers.bias_constant, outputs);
  }
  append_layer<layers::Conv2d>(
      builder, node, image, output, std::move(numbers),
      {outputs, image.channels / groups, windows.window.kernel[0], windows.window.kernel[1]},
      layers::Conv2dOptions{.in_channels = image.channels,
                            .out_channels = outputs,
                            .kernel_size = windows.window.kernel,
                            .params = {.stride = windows.window.stride,
                                       .padding = windows.window.padding,
                                       .dilation = windows.dilation,
                                       .groups = static_cast<int>(groups)}});
}

/// Spreads each pixel to the first corner of a block of zeros: adds channels of zeros and turns
/// them into pixels.
Value spread_apart(Builder& builder, const OnnxNode& node, const Value& image,
                   const std::array<int, 2>& spread) {
  const std::int64_t rows = spread[0], columns = spread[1];
  if (rows * columns == 1) return image;
  Value blocks = image;
  blocks.channels *= rows * columns;
  const layers::PadSizes zeros{.channels_after = blocks.channels - image.channels};
  blocks =
      builder.insert(node.output + "/zeros", std::make_shared<layers::Pad>(zeros), {image}, blocks);
  blocks.view = {rows, columns, image.channels, image.height, image.width};
  Value result = image;
  result.height *= rows;
  result.width *= columns;
  return builder.rearranged(node.output + "/spread", blocks, {2, 3, 0, 4, 1}, result);
}

/// Crops by the negative paddings.
Value cropped(Builder& builder, const OnnxNode& node, const Value& image, const Padding& around) {
  const layers::PadSizes part{.image = {std::min(around.top, 0), std::min(around.left, 0),
                                        std::min(around.bottom, 0), std::min(around.right, 0)}};
  if (part == layers::PadSizes{}) return image;
  return builder.insert(node.output + "/part", std::make_shared<layers::Pad>(part), {image},
                        padded_value(image, part));
}

/// Converts a transposed convolution's weight [I, O/groups, KH, KW] to [O, I/groups, KH, KW] with
/// flipped kernels.
std::vector<float> turned_kernels(const Builder& builder, const OnnxTensor& weight,
                                  const Value& input, std::int64_t groups) {
  require(same_order(input),
          "expected channels in quench's order, got the features of a flattened image");
  if (!reads(builder, weight)) return {};
  const std::vector<float> given = floats(weight);
  const std::int64_t each = input.channels / groups, outputs = weight.dims[1];
  const std::int64_t taps = std::ssize(given) / (input.channels * outputs);
  std::vector<float> result(given.size());
  for (std::int64_t o = 0; o < outputs * groups; ++o)
    for (std::int64_t i = 0; i < each; ++i)
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t from = (o / outputs * each + i) * outputs + o % outputs;
        result[static_cast<std::size_t>((o * each + i) * taps + tap)] =
            given[static_cast<std::size_t>((from + 1) * taps - 1 - tap)];
      }
  return result;
}

/// Repeats the output channels' scales of one group for all groups.
void repeat_scales(quant::QuantGrid& grid, std::int64_t groups) {
  if (grid.scale.size() == 1) return;
  const quant::QuantGrid of_group = grid;
  for (std::int64_t group = 1; group < groups; ++group) {
    grid.scale.insert(grid.scale.end(), of_group.scale.begin(), of_group.scale.end());
    grid.zero_point.insert(grid.zero_point.end(), of_group.zero_point.begin(),
                           of_group.zero_point.end());
  }
}

/// The flat input of a matrix.
Value features(Builder& builder, const OnnxNode& node) {
  Value input = builder.activation(node);
  require(input.flat(), "expected an input [N, F], got {}", input.text());
  return input;
}

/// Reads [O][F] from a matrix [F, O], or [O, F] if transposed, with features in quench's order.
LayerNumbers read_matrix(const Builder& builder, const OnnxTensor& matrix, const Value& input,
                         bool transposed) {
  require(matrix.dims.size() == 2, "'{}': expected a matrix, got {}", matrix.name,
          dims_text(matrix.dims));
  const std::int64_t rows = matrix.dims[transposed ? 1 : 0],
                     outputs = matrix.dims[transposed ? 0 : 1];
  require(rows == input.channels && outputs >= 1,
          "'{}': expected weights for {} features and at least one output, got {}", matrix.name,
          input.channels, dims_text(matrix.dims));
  LayerNumbers layer{.weight = {}, .bias = {}, .out_channels = outputs};
  if (!reads(builder, matrix)) return layer;
  std::vector<float> numbers = floats(matrix);
  if (transposed && same_order(input)) {
    layer.weight = std::move(numbers);
    return layer;
  }
  layer.weight.reserve(numbers.size());
  for (std::int64_t o = 0; o < outputs; ++o) {
    std::vector<float> row;
    for (std::int64_t f = 0; f < rows; ++f)
      row.push_back(numbers[static_cast<std::size_t>(transposed ? o * rows + f : f * outputs + o)]);
    row = in_order(input, std::move(row));
    layer.weight.insert(layer.weight.end(), row.begin(), row.end());
  }
  return layer;
}

}  // namespace

void build_conv(Builder& builder, const OnnxNode& node, const ConvAttributes& attributes) {
  const Value input = builder.unpadded_image(node);
  const OnnxTensor& weight = builder.constant(node, 1);
  const std::int64_t groups = attributes.group;
  const Integers kernel = kernel_of(weight, input, "[O, I/groups, KH, KW]");
  const std::int64_t outputs = weight.dims[0];
  require(groups >= 1 && groups <= input.channels && input.channels % groups == 0 &&
              weight.dims[1] == input.channels / groups && outputs >= 1 && outputs % groups == 0,
          "'{}': expected a weight [O, {} / {}, KH, KW] with O divisible by {}, got {}",
          weight.name, input.channels, groups, groups, dims_text(weight.dims));
  const Windows windows = conv_windows(attributes, input, kernel);
  LayerNumbers numbers{
      .weight = read_kernels(builder, weight, input, groups), .bias = {}, .out_channels = outputs};
  numbers.grid = weight_grid(builder, node, 0);
  append_conv(builder, node, input, windows, groups, std::move(numbers));
}

void build_conv_transpose(Builder& builder, const OnnxNode& node,
                          const ConvTransposeAttributes& attributes) {
  const Value input = builder.image(node);
  const OnnxTensor& weight = builder.constant(node, 1);
  const std::int64_t groups = attributes.group;
  const Integers kernel = kernel_of(weight, input, "[I, O/groups, KH, KW]");
  require(groups >= 1 && weight.dims[0] == input.channels && input.channels % groups == 0 &&
              weight.dims[1] >= 1,
          "'{}': expected a weight [{}, O / {}, KH, KW], got {}", weight.name, input.channels,
          groups, dims_text(weight.dims));
  const std::int64_t outputs = weight.dims[1] * groups;
  const auto& [size, spread, around, dilation] = transposed_windows(attributes, input, kernel);
  const Value image = cropped(builder, node, spread_apart(builder, node, input, spread), around);
  const auto zeros = [](int side) { return std::max(side, 0); };
  const Windows windows{.window = {.kernel = size,
                                   .stride = {1, 1},
                                   .padding = {zeros(around.top), zeros(around.left),
                                               zeros(around.bottom), zeros(around.right)}},
                        .dilation = dilation};
  LayerNumbers numbers{.weight = turned_kernels(builder, weight, input, groups),
                       .bias = {},
                       .out_channels = outputs};
  numbers.grid = weight_grid(builder, node, 1);
  if (numbers.grid) repeat_scales(*numbers.grid, groups);
  append_conv(builder, node, image, windows, groups, std::move(numbers));
}

void build_gemm(Builder& builder, const OnnxNode& node, const GemmAttributes& attributes) {
  const Value input = features(builder, node);
  require(attributes.transA == 0, "transA: expected 0, got {}", attributes.transA);
  LayerNumbers numbers =
      read_matrix(builder, builder.constant(node, 1), input, attributes.transB != 0);
  numbers.grid = weight_grid(builder, node, attributes.transB != 0 ? 0 : 1);
  require(!numbers.grid || attributes.alpha == 1.0f,
          "alpha: expected 1 for a quantized weight, got {}", attributes.alpha);
  for (float& w : numbers.weight) w *= attributes.alpha;
  if (Builder::has_input(node, 2)) {
    numbers.bias_constant = &builder.constant(node, 2);
    numbers.bias = per_channel(*numbers.bias_constant, flat_value(numbers.out_channels));
    numbers.bias.resize(static_cast<std::size_t>(numbers.out_channels), numbers.bias[0]);
    for (float& b : numbers.bias) b *= attributes.beta;
  }
  append_linear(builder, node, input, std::move(numbers));
}

void build_matmul(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  Value input = builder.activation(node);
  const bool of_pixels = !input.flat();
  if (of_pixels) input = builder.pixels(node);
  LayerNumbers numbers = read_matrix(builder, builder.constant(node, 1), input, false);
  numbers.grid = weight_grid(builder, node, 1);
  const auto append = of_pixels ? append_pointwise : append_linear;
  append(builder, node, input, std::move(numbers));
}

}  // namespace quench::onnx
