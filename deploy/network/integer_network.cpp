#include "deploy/network/integer_network.h"

#include <algorithm>
#include <concepts>
#include <cstdlib>

#include "core/ops/pool.h"
#include "core/shape.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// Sizes may come from an untrusted file: nothing may overflow.
Shape image_shape(std::int64_t channels, std::int64_t height, std::int64_t width) {
  require(std::min({channels, height, width}) >= 1, "expected sizes of at least 1, got {}x{}x{}",
          channels, height, width);
  const Shape shape{1, channels, height, width};
  require(shape.numel() <= kMaxElements, "expected at most {} elements, got {}", +kMaxElements,
          shape.to_string());
  return shape;
}

Shape image_shape(const Value& value) {
  return image_shape(value.channels, value.height, value.width);
}

Shape bounded(const Shape& shape) { return image_shape(shape[1], shape[2], shape[3]); }

/// core/ adds and multiplies these values without checks.
void check_window(std::array<int, 2> kernel, std::array<int, 2> stride, const Padding& padding,
                  std::array<int, 2> dilation = {1, 1}) {
  const auto [low, high] =
      std::minmax({kernel[0], kernel[1], stride[0], stride[1], dilation[0], dilation[1]});
  const auto [least_padding, most_padding] =
      std::minmax({padding.top, padding.left, padding.bottom, padding.right});
  require(low >= 1 && least_padding >= 0 && std::max(high, most_padding) <= kMaxWindow,
          "expected kernel, stride and dilation in 1..{}, and padding in 0..{}, got kernel {}x{}, "
          "stride {}x{}, dilation {}x{}, padding {}, {}, {}, {}",
          +kMaxWindow, +kMaxWindow, kernel[0], kernel[1], stride[0], stride[1], dilation[0],
          dilation[1], padding.top, padding.left, padding.bottom, padding.right);
}

Shape pooled(const Shape& input, const Window2d& window) {
  check_window(window.kernel, window.stride, window.padding);
  return bounded(pooled_shape(input, window));
}

Shape sums_shape(const Shape& input, const Convolution& convolution) {
  const auto& [kernel, params, out_channels, grid, weight, bias, pool] = convolution;
  check_window(kernel, params.stride, params.padding, params.dilation);
  require(params.groups >= 1, "expected at least one group, got {}", params.groups);
  const Shape shape{out_channels, input[1] / params.groups, kernel[0], kernel[1]};
  require(shape.numel() <= kMaxElements, "expected at most {} weights, got {}", +kMaxElements,
          shape.to_string());
  return bounded(conv2d_output_shape(input, shape, params));
}

/// The output shape of an operation.
struct ShapeOf {
  const IntegerNetwork& network;
  const std::vector<ValueId>& inputs;

  Shape input(std::size_t i = 0) const { return image_shape(network.values[inputs[i]]); }

  Shape operator()(const Quantize&) const {
    return image_shape(network.channels, network.height, network.width);
  }
  Shape operator()(const Convolution& convolution) const {
    const Shape sums = sums_shape(input(), convolution);
    return convolution.pool ? pooled(sums, *convolution.pool) : sums;
  }
  Shape operator()(const Addition&) const {
    require(input(0) == input(1), "expected inputs of one shape, got {} and {}",
            input(0).to_string(), input(1).to_string());
    return input();
  }
  Shape operator()(const Multiplication&) const {
    const Shape a = input(0), b = input(1);
    const auto is_map = [](const Shape& x, const Shape& factor) {
      return factor == x.with(2, 1).with(3, 1);
    };
    require(a == b || is_map(a, b) || is_map(b, a),
            "expected inputs of one shape, or [1, C, H, W] and [1, C, 1, 1], got {} and {}",
            a.to_string(), b.to_string());
    return is_map(a, b) ? a : b;
  }
  Shape operator()(const Lookup&) const { return input(); }
  Shape operator()(const AveragePool& pool) const { return pooled(input(), pool.window); }
  Shape operator()(const MaxPool& pool) const { return pooled(input(), pool.window); }
  Shape operator()(const ZeroPad& pad) const {
    require(std::min(pad.before, pad.after) >= 0 && std::max(pad.before, pad.after) <= kMaxElements,
            "expected 0..{} channels to add, got {} and {}", +kMaxElements, pad.before, pad.after);
    const auto& [top, left, bottom, right] = pad.image;
    const auto [least, most] = std::minmax({top, left, bottom, right});
    const Shape image = input();
    require(
        least >= -kMaxWindow && most <= kMaxWindow &&
            image[2] + std::min(top, 0) + std::min(bottom, 0) >= 1 &&
            image[3] + std::min(left, 0) + std::min(right, 0) >= 1,
        "expected padding up to {}, or down to a part of the image, got {}, {}, {}, {} around {}",
        +kMaxWindow, top, left, bottom, right, image.to_string());
    return image_shape(pad.before + image[1] + pad.after,
                       pad.image.top + image[2] + pad.image.bottom,
                       pad.image.left + image[3] + pad.image.right);
  }
  Shape operator()(const Concatenation&) const {
    Shape sum = input();
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      require(input(i).with(1, 1) == sum.with(1, 1),
              "expected inputs of one height and width, got {} and {}", input().to_string(),
              input(i).to_string());
      sum = bounded(sum.with(1, sum[1] + input(i)[1]));
    }
    return sum;
  }
  Shape operator()(const Extremum&) const {
    for (std::size_t i = 1; i < inputs.size(); ++i)
      require(input(i) == input(), "expected inputs of one shape, got {} and {}",
              input().to_string(), input(i).to_string());
    return input();
  }
  Shape operator()(const ChannelSelection& selection) const {
    require(!selection.channels.empty(), "expected at least one channel");
    const auto [least, most] = std::ranges::minmax(selection.channels);
    require(least >= 0 && most < input()[1], "expected channels in 0..{}, got {}", input()[1] - 1,
            least < 0 ? least : most);
    return image_shape(std::ssize(selection.channels), input()[2], input()[3]);
  }
  Shape operator()(const Upsampling& upsampling) const {
    const auto [least, most] = std::ranges::minmax(upsampling.factor);
    require(least >= 1 && most <= kMaxWindow, "expected factors in 1..{}, got {}", +kMaxWindow,
            least < 1 ? least : most);
    const Shape image = input();
    return image_shape(image[1], image[2] * upsampling.factor[0], image[3] * upsampling.factor[1]);
  }
  Shape operator()(const PixelSelection& selection) const {
    check_numbers(selection.rows, input()[2], "rows");
    check_numbers(selection.columns, input()[3], "columns");
    return image_shape(input()[1], std::ssize(selection.rows), std::ssize(selection.columns));
  }
  Shape operator()(const Rearrangement& rearrangement) const {
    check_rearrangement(rearrangement);
    const auto& size = rearrangement.size;
    const Shape result = image_shape(size[0], size[1], size[2]);
    require(result.numel() == input().numel(), "expected as many values as in {}, got {}",
            input().to_string(), result.to_string());
    return result;
  }

  static void check_numbers(const std::vector<std::int64_t>& numbers, std::int64_t size,
                            const char* what) {
    require(!numbers.empty() && std::ssize(numbers) <= kMaxWindow, "expected 1..{} {}, got {}",
            +kMaxWindow, what, numbers.size());
    const auto [least, most] = std::ranges::minmax(numbers);
    require(least >= 0 && most < size, "expected {} in 0..{}, got {}", what, size - 1,
            least < 0 ? least : most);
  }
};

void check_inputs(const Operation::Kind& kind, std::size_t count) {
  if (std::holds_alternative<Concatenation>(kind) || std::holds_alternative<Extremum>(kind)) {
    require(count >= 1, "expected at least one input, got 0");
    return;
  }
  const bool pair =
      std::holds_alternative<Addition>(kind) || std::holds_alternative<Multiplication>(kind);
  const std::size_t expected = std::holds_alternative<Quantize>(kind) ? 0 : (pair ? 2 : 1);
  require(count == expected, "expected {} inputs, got {}", expected, count);
}

}  // namespace

std::uint8_t Value::zero_code() const {
  expect(grid.has_value(), "integer network: a real value has no code of 0");
  return static_cast<std::uint8_t>(grid->zero_point[0] - grid->qmin);
}

std::string_view to_string(const Operation::Kind& kind) {
  constexpr std::array<std::string_view, std::variant_size_v<Operation::Kind>> kNames{
      "quantize",          "convolution", "addition",        "multiplication", "lookup",
      "average_pool",      "max_pool",    "zero_pad",        "concatenation",  "extremum",
      "channel_selection", "upsampling",  "pixel_selection", "rearrangement"};
  return kNames[kind.index()];
}

bool moves_codes(const Operation::Kind& kind) {
  return std::visit(
      []<typename Kind>(const Kind&) {
        return std::same_as<Kind, MaxPool> || std::same_as<Kind, ZeroPad> ||
               std::same_as<Kind, Concatenation> || std::same_as<Kind, Extremum> ||
               std::same_as<Kind, ChannelSelection> || std::same_as<Kind, Upsampling> ||
               std::same_as<Kind, PixelSelection> || std::same_as<Kind, Rearrangement>;
      },
      kind);
}

std::array<std::int64_t, 2> sums_size(const Value& image, const Convolution& convolution) {
  const Shape shape = sums_shape(image_shape(image), convolution);
  return {shape[2], shape[3]};
}

std::array<std::int64_t, 3> output_size(const IntegerNetwork& network, const Operation& operation) {
  check_inputs(operation.kind, operation.inputs.size());
  for (const ValueId id : operation.inputs) {
    require(id < network.values.size(), "expected an input below {}, got {}", network.values.size(),
            id);
  }
  const Shape shape = std::visit(ShapeOf{network, operation.inputs}, operation.kind);
  return {shape[1], shape[2], shape[3]};
}

std::vector<std::int64_t> largest_sums(const Convolution& convolution,
                                       const quant::QuantGrid& input) {
  const auto channels = static_cast<std::size_t>(convolution.out_channels);
  const std::size_t taps = convolution.weight.size() / channels;
  const std::int64_t code = quant::largest_code(input);
  std::vector<std::int64_t> sums(channels);
  for (std::size_t o = 0; o < channels; ++o) {
    for (std::size_t k = 0; k < taps; ++k)
      sums[o] += std::abs(std::int64_t{convolution.weight[o * taps + k]}) * code;
  }
  return sums;
}

}  // namespace quench::deploy
