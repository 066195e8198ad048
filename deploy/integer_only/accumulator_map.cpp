#include "deploy/integer_only/accumulator_map.h"

#include <algorithm>

#include "deploy/network/arithmetic.h"
#include "deploy/network/integer_network.h"
#include "support/error.h"

namespace quench::deploy {

std::int32_t code_of(float real, const Output& output, const quant::QuantGrid& grid,
                     std::size_t channel) {
  return stored_code(take_steps(output, channel, real), grid) + grid.qmin;
}

RealMap in_codes(RealMap real, const Output& output, const quant::QuantGrid& grid,
                 std::size_t channel) {
  for (const Affine& step : output.steps) {
    if (step.scale.empty()) continue;
    const double scale = step.scale[channel];
    real = {real.slope * scale, real.offset * scale + double{step.shift[channel]}};
  }
  const double scale = grid.scale[0];
  return {real.slope / scale, (real.offset - double{grid.offset}) / scale + grid.zero_point[0]};
}

std::vector<AccumulatorMap> accumulator_maps(const IntegerNetwork& network,
                                             const Operation& operation,
                                             const Convolution& convolution) {
  const quant::QuantGrid& input = *network.values[operation.inputs[0]].grid;
  const quant::QuantGrid& weight = convolution.weight_grid;
  require(input.offset == 0.0f || convolution.params.padding == Padding{},
          "{}: pads an input whose grid has an offset, {} (LSQ+): its contribution depends on the "
          "position and has no integer form",
          operation.name, input.offset);
  const std::vector<std::int64_t> largest = largest_sums(convolution, input);
  const std::size_t taps = convolution.weight.size() / largest.size();
  std::vector<AccumulatorMap> maps;
  for (std::size_t o = 0; o < largest.size(); ++o) {
    std::int32_t weights = 0;
    for (std::size_t k = 0; k < taps; ++k) weights += convolution.weight[o * taps + k];
    const float scale = output_scale(input, weight, o);
    const float addend = static_cast<float>(weights) * offset_scale(input, weight, o);
    const float bias = convolution.bias.empty() ? 0.0f : convolution.bias[o];
    // A missing addend or bias is 0, and adding 0 never changes a code.
    const auto real = [=](std::int64_t sum) {
      return static_cast<float>(sum) * scale + addend + bias;
    };
    maps.push_back({.real = real,
                    .linear = {scale, double{addend} + double{bias}},
                    .begin = -largest[o],
                    .end = largest[o]});
  }
  return maps;
}

AccumulatorMap average_map(const quant::QuantGrid& input, std::int64_t count) {
  const float scale = input.scale[0], offset = input.offset;
  const std::int64_t zero = input.zero_point[0];
  const auto real = [=](std::int64_t sum) {
    const float mean = static_cast<float>(sum) / static_cast<float>(count);
    return scale * mean + offset;
  };
  return {.real = real,
          .linear = {double{scale} / static_cast<double>(count), offset},
          .begin = count * (input.qmin - zero),
          .end = count * (input.qmax - zero)};
}

AccumulatorMap product_map(const quant::QuantGrid& first, const quant::QuantGrid& second) {
  const float scale = first.scale[0] * second.scale[0];
  const std::int64_t low1 = first.qmin - first.zero_point[0],
                     high1 = first.qmax - first.zero_point[0];
  const std::int64_t low2 = second.qmin - second.zero_point[0],
                     high2 = second.qmax - second.zero_point[0];
  const auto [least, most] = std::minmax({low1 * low2, low1 * high2, high1 * low2, high1 * high2});
  return {.real = [=](std::int64_t product) { return static_cast<float>(product) * scale; },
          .linear = {scale, 0.0},
          .begin = least,
          .end = most};
}

StepFunction codes_of(const AccumulatorMap& map, const Output& output, const quant::QuantGrid& grid,
                      std::size_t channel) {
  return find_steps([&](std::int64_t sum) { return code_of(map.real(sum), output, grid, channel); },
                    map.begin, map.end);
}

}  // namespace quench::deploy
