#include "onnx/export/channel_scales.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace quench::onnx {
namespace {

using quant::QuantGrid;

constexpr double kLeastScale = std::numeric_limits<float>::min();

/// Expands a per-tensor grid to one scale per channel.
void expand_to_channels(QuantGrid& grid, std::size_t channels) {
  if (grid.axis == 0) return;
  grid.axis = 0;
  grid.scale.resize(channels, grid.scale[0]);
  grid.zero_point.resize(channels, grid.zero_point[0]);
}

std::span<std::int16_t> codes_of(deploy::Convolution& conv, std::size_t channel) {
  const std::size_t taps = conv.weight.size() / static_cast<std::size_t>(conv.out_channels);
  return std::span(conv.weight).subspan(channel * taps, taps);
}

// ---- fold_steps

/// The scale and shift that all outputs begin with; null if they differ.
const deploy::Affine* common_step(const deploy::Operation& operation) {
  const std::vector<deploy::Affine>& steps = operation.outputs[0].steps;
  if (steps.empty() || steps[0].scale.empty()) return nullptr;
  const auto begins_so = [&](const deploy::Output& output) {
    return !output.steps.empty() && output.steps[0].scale == steps[0].scale &&
           output.steps[0].shift == steps[0].shift;
  };
  return std::ranges::all_of(operation.outputs, begins_so) ? &steps[0] : nullptr;
}

/// Negates a channel's codes.
/// @return  whether the grid holds them, possibly with another zero point
bool negate(std::span<std::int16_t> codes, std::int32_t& zero_point, const QuantGrid& grid) {
  for (std::int16_t& code : codes) code = static_cast<std::int16_t>(-code);
  const auto holds = [&](std::int32_t zero) {
    return std::ranges::all_of(codes, [&](std::int32_t code) {
      return code >= grid.qmin - zero && code <= grid.qmax - zero &&
             (grid.levels.empty() || std::ranges::binary_search(grid.levels, code));
    });
  };
  if (!holds(zero_point)) zero_point = grid.qmin + grid.qmax - zero_point;
  return holds(zero_point);
}

/// The convolution with the step folded in; null if its grid does not allow that.
std::optional<deploy::Convolution> with_step(deploy::Convolution conv, const deploy::Affine& step,
                                             float input_scale) {
  QuantGrid& grid = conv.weight_grid;
  expand_to_channels(grid, step.scale.size());
  conv.bias.resize(step.scale.size());
  for (std::size_t o = 0; o < step.scale.size(); ++o) {
    const std::span<std::int16_t> codes = codes_of(conv, o);
    const double gain = step.scale[o], scale = grid.scale[o] * std::abs(gain);
    if (gain < 0.0 && !negate(codes, grid.zero_point[o], grid)) return std::nullopt;
    if (scale < kLeastScale) std::ranges::fill(codes, std::int16_t{0});
    grid.scale[o] = static_cast<float>(std::max(scale, kLeastScale));
    conv.bias[o] = static_cast<float>(conv.bias[o] * gain + step.shift[o]);
    if (!std::isfinite(grid.scale[o] * input_scale) || !std::isfinite(conv.bias[o]))
      return std::nullopt;
  }
  return conv;
}

// ---- fit_biases

/// Rounds the weights of a channel to a grid with that scale.
void round_to(double scale, deploy::Convolution& conv, std::size_t channel) {
  const double factor = conv.weight_grid.scale[channel] / scale;
  for (std::int16_t& code : codes_of(conv, channel))
    code = static_cast<std::int16_t>(std::nearbyint(code * factor));
  conv.weight_grid.scale[channel] = static_cast<float>(scale);
}

/// Gives a grid with levels all codes between its ends.
void fill_levels(QuantGrid& grid) {
  if (grid.levels.empty()) return;
  grid.levels.clear();
  grid.bits = std::bit_width(static_cast<std::uint32_t>(grid.qmax - grid.qmin));
}

/// @return the number of channels whose weights it rounded
std::int64_t fit(deploy::Convolution& conv, const QuantGrid& input) {
  constexpr double kMost = std::numeric_limits<std::int32_t>::max(), kWanted = 1 << 30;
  const std::vector<std::int64_t> sums = deploy::largest_sums(conv, input);
  std::int64_t raised = 0;
  for (std::size_t o = 0; o < conv.bias.size(); ++o) {
    const double scale = conv.weight_grid.scale[conv.weight_grid.axis == 0 ? o : 0];
    const double unit = input.scale[0] * scale;
    const double largest = std::abs(conv.bias[o]) + unit * static_cast<double>(sums[o]);
    if (unit >= kLeastScale && largest <= unit * kMost) continue;
    expand_to_channels(conv.weight_grid, conv.bias.size());
    fill_levels(conv.weight_grid);
    round_to(std::max(scale, std::max(largest / kWanted, kLeastScale) / input.scale[0]), conv, o);
    ++raised;
  }
  return raised;
}

}  // namespace

void fold_steps(deploy::IntegerNetwork& network) {
  for (deploy::Operation& operation : network.operations) {
    auto* conv = std::get_if<deploy::Convolution>(&operation.kind);
    if (conv == nullptr || conv->pool) continue;
    while (const deploy::Affine* step = common_step(operation)) {
      const float input_scale = network.values[operation.inputs[0]].grid->scale[0];
      std::optional<deploy::Convolution> folded = with_step(*conv, *step, input_scale);
      if (!folded) break;
      *conv = *std::move(folded);
      for (deploy::Output& output : operation.outputs) {
        deploy::Affine& first = output.steps[0];
        first.scale.clear();
        first.shift.clear();
        if (first.activation == Activation::none) output.steps.erase(output.steps.begin());
      }
    }
  }
}

std::vector<RaisedScales> fit_biases(deploy::IntegerNetwork& network) {
  std::vector<RaisedScales> result;
  for (deploy::Operation& operation : network.operations) {
    auto* conv = std::get_if<deploy::Convolution>(&operation.kind);
    if (conv == nullptr) continue;
    const std::int64_t channels = fit(*conv, *network.values[operation.inputs[0]].grid);
    if (channels > 0) result.push_back({operation.name, channels});
  }
  return result;
}

}  // namespace quench::onnx
