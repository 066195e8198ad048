#include <algorithm>
#include <cmath>
#include <span>

#include "deploy/network/integer_network.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

using quant::QuantGrid;

/// One less than the int32 limit, so that a threshold can lie beyond every sum.
constexpr std::int64_t kMaxSum = std::numeric_limits<std::int32_t>::max() - 1;

void check_finite(std::span<const float> numbers, const char* what) {
  for (const float number : numbers)
    require(std::isfinite(number), "expected a finite {}, got {}", what, number);
}

void check_codes(const QuantGrid& grid, const Shape& shape) {
  quant::check_grid(grid, shape);
  require(std::ranges::adjacent_find(grid.levels) == grid.levels.end(),
          "grid: expected distinct levels");
  const std::int64_t range = std::int64_t{grid.qmax} - grid.qmin + 1;
  const std::int64_t codes = grid.levels.empty() ? range : std::ssize(grid.levels);
  require(codes <= std::int64_t{1} << grid.bits,
          "grid: expected at most {} codes of {} bits, got {}", 1 << grid.bits, grid.bits, codes);
}

void check_value(const Value& value) {
  require(std::min({value.channels, value.height, value.width}) >= 1,
          "expected sizes of at least 1, got {}x{}x{}", value.channels, value.height, value.width);
  if (!value.grid) return;
  check_codes(*value.grid, {});
  require(std::int64_t{value.grid->qmax} - value.grid->qmin <= 255,
          "expected codes of one byte, got {} to {}", value.grid->qmin, value.grid->qmax);
}

/// Checks that weights are codes of their grid minus its zero point, in the kernels' range.
void check_weight(const Convolution& convolution) {
  const QuantGrid& grid = convolution.weight_grid;
  const auto channels = static_cast<std::size_t>(convolution.out_channels);
  const std::size_t taps = convolution.weight.size() / channels;
  for (std::size_t i = 0; i < convolution.weight.size(); ++i) {
    const std::int64_t w = convolution.weight[i];
    const std::int64_t zero = grid.zero_point[grid.axis == 0 ? i / taps : 0];
    require(w >= std::max(grid.qmin - zero, -kMaxWeight) &&
                w <= std::min(grid.qmax - zero, kMaxWeight) &&
                (grid.levels.empty() || std::ranges::binary_search(grid.levels, w)),
            "expected weights on the grid {}..{} with zero point {}, at most {} in magnitude, got "
            "{} in channel {}",
            grid.qmin, grid.qmax, zero, kMaxWeight, w, i / taps);
  }
}

/// Everything but sizes, which output_size() has checked.
struct Check {
  const IntegerNetwork& network;
  const std::vector<ValueId>& inputs;

  const Value& input() const { return network.values[inputs[0]]; }
  const QuantGrid& input_grid() const { return *input().grid; }

  void operator()(const Quantize& quantize) const {
    const std::int64_t pixels = network.channels * network.height * network.width;
    require(quantize.image.empty() || std::ssize(quantize.image) == pixels,
            "expected an image of {} values or none, got {}", pixels, quantize.image.size());
    check_finite(quantize.image, "value of the image");
  }
  void operator()(const Convolution& convolution) const {
    const auto& [kernel, params, out_channels, grid, weight, bias, pool] = convolution;
    const std::int64_t taps = input().channels / params.groups * kernel[0] * kernel[1];
    require(std::ssize(weight) == out_channels * taps, "expected {} weights, got {}",
            out_channels * taps, weight.size());
    require(bias.empty() || std::ssize(bias) == out_channels, "expected {} biases or none, got {}",
            out_channels, bias.size());
    check_finite(bias, "bias");
    require(grid.offset == 0.0f, "expected a weight grid without offset, got {}", grid.offset);
    check_codes(grid, {out_channels, taps});
    for (const float scale : grid.scale)
      check_finite(std::array{input_grid().scale[0] * scale}, "input scale * weight scale");
    check_weight(convolution);
    // The contribution of an offset differs between pixels if taps lie outside the image.
    require(!pool || input_grid().offset == 0.0f,
            "expected an input grid without offset before a max pool of sums, got {}",
            input_grid().offset);
    for (const std::int64_t sum : largest_sums(convolution, input_grid())) {
      require(sum <= kMaxSum, "expected sums of at most {}, got sums of up to {}", kMaxSum, sum);
    }
  }
  void operator()(const Addition&) const {}
  void operator()(const Multiplication&) const {
    check_finite(std::array{input_grid().scale[0] * network.values[inputs[1]].grid->scale[0]},
                 "product of the scales");
  }
  void operator()(const Lookup& lookup) const {
    const std::int64_t count = std::int64_t{input_grid().qmax} - input_grid().qmin + 1;
    require(
        std::ssize(lookup.table) == count || std::ssize(lookup.table) == count * input().channels,
        "expected a table of {} values, or one for each of {} channels, got {}", count,
        input().channels, lookup.table.size());
    check_finite(lookup.table, "value of a table");
  }
  void operator()(const AveragePool& pool) const {
    const std::int64_t pixels = std::min<std::int64_t>(pool.window.kernel[0], input().height) *
                                std::min<std::int64_t>(pool.window.kernel[1], input().width);
    const std::int64_t code = quant::largest_code(input_grid());
    require(pixels <= kMaxSum / code, "expected sums of at most {}, got {} codes of up to {}",
            kMaxSum, pixels, code);
  }
  void operator()(const MaxPool& pool) const { check_marks(pool.smallest); }
  void operator()(const ZeroPad&) const {}
  void operator()(const Concatenation&) const {}
  void operator()(const Extremum& extremum) const { check_marks(extremum.smallest); }
  void operator()(const ChannelSelection&) const {}
  void operator()(const Upsampling&) const {}
  void operator()(const PixelSelection&) const {}
  void operator()(const Rearrangement&) const {}

  void check_marks(const std::vector<std::uint8_t>& smallest) const {
    require(smallest.empty() || std::ssize(smallest) == input().channels,
            "expected {} channel marks or none, got {}", input().channels, smallest.size());
    for (const std::uint8_t mark : smallest)
      require(mark <= 1, "expected marks of 0 or 1, got {}", mark);
  }
};

void check_steps(const std::vector<Affine>& steps, std::int64_t channels) {
  for (const Affine& step : steps) {
    const std::int64_t count = std::ssize(step.scale);
    require(step.shift.size() == step.scale.size() && (count == 0 || count == channels),
            "expected a step of {} scales and shifts, or none, got {} and {}", channels, count,
            step.shift.size());
    check_finite(step.scale, "scale of a step");
    check_finite(step.shift, "shift of a step");
  }
}

void check_output(const IntegerNetwork& network, const Operation& operation, const Output& output,
                  const std::array<std::int64_t, 3>& size) {
  const Value& value = network.values[output.value];
  require(std::array{value.channels, value.height, value.width} == size,
          "expected value {} to be {}x{}x{}, the operation's output size, got {}x{}x{}",
          output.value, size[0], size[1], size[2], value.channels, value.height, value.width);
  check_steps(output.steps, size[0]);
  require(value.grid || output.value == network.output,
          "expected only the network's output, {}, to be real, got {}", network.output,
          output.value);
  require(value.grid || !std::holds_alternative<Quantize>(operation.kind),
          "expected codes as output of quantize");
  if (!moves_codes(operation.kind)) return;
  require(operation.outputs.size() == 1 && output.steps.empty(),
          "expected one output without steps of {}", to_string(operation.kind));
  for (const ValueId id : operation.inputs) {
    require(value.grid == network.values[id].grid, "expected {} to keep the grid of its input",
            to_string(operation.kind));
  }
}

/// @param written  the values that earlier operations wrote; adds the operation's own
void check_operation(const IntegerNetwork& network, const Operation& operation,
                     std::vector<bool>& written) {
  const std::array<std::int64_t, 3> size = output_size(network, operation);
  for (const ValueId id : operation.inputs) {
    require(written[id], "reads value {} before it is written", id);
    require(network.values[id].grid.has_value(), "expected codes as input, got real value {}", id);
  }
  std::visit(Check{network, operation.inputs}, operation.kind);
  require(!operation.outputs.empty(), "expected at least one output");
  for (const Output& output : operation.outputs) {
    require(output.value < written.size(), "expected an output below {}, got {}", written.size(),
            output.value);
    require(!written[output.value], "writes value {} again", output.value);
    written[output.value] = true;
    check_output(network, operation, output, size);
  }
}

/// Runs `check` and prefixes its error with the name of the checked part.
template <typename Function, typename... Name>
void check_named(const Function& check, fmt::format_string<Name...> format, Name&&... name) {
  try {
    check();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format(
        "integer network: {}: {}", fmt::format(format, std::forward<Name>(name)...), error.what()));
  }
}

}  // namespace

void check_network(const IntegerNetwork& network) {
  const std::size_t count = network.values.size();
  for (std::size_t i = 0; i < count; ++i)
    check_named([&] { check_value(network.values[i]); }, "value {}", i);
  std::vector<bool> written(count);
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    const Operation& operation = network.operations[i];
    check_named([&] { check_operation(network, operation, written); }, "operation {} '{}'", i,
                operation.name);
  }
  const auto missing = std::ranges::find(written, false);
  require(missing == written.end(), "integer network: no operation writes value {}",
          missing - written.begin());
  require(network.output < count, "integer network: expected an output below {}, got {}", count,
          network.output);
  const Value& output = network.values[network.output];
  require(!output.grid && output.height == 1 && output.width == 1,
          "integer network: expected a real output of {}x1x1, got {}x{}x{}{}", output.channels,
          output.channels, output.height, output.width, output.grid ? " of codes" : "");
}

}  // namespace quench::deploy
