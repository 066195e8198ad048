#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ops/activation.h"
#include "deploy/network/integer_network.h"
#include "quant/code.h"

namespace quench::deploy {

// The scalar float32 steps between a sum of integers and the next codes. Each operation rounds to
// f32, in this order, and nothing is contracted. Evaluation in training computes the same, the
// interpreter uses these functions, and the engine vectorizes them.

/// The factor that converts a sum of output channel `o` to a real value.
inline float output_scale(const quant::QuantGrid& input, const quant::QuantGrid& weight,
                          std::size_t o) {
  return input.scale[0] * weight.scale[weight.axis == 0 ? o : 0];
}

/// The factor that converts the sum of a channel's weights inside the image to the contribution of
/// the input's offset.
inline float offset_scale(const quant::QuantGrid& input, const quant::QuantGrid& weight,
                          std::size_t o) {
  return input.offset * weight.scale[weight.axis == 0 ? o : 0];
}

/// The real value of q - zero_point.
inline float real_of(std::int32_t centered, const quant::QuantGrid& grid) {
  return grid.scale[0] * static_cast<float>(centered) + grid.offset;
}

/// The values of a function for a channel's codes, starting at qmin.
inline std::span<const float> table_of(const Lookup& lookup, const Value& input,
                                       std::int64_t channel) {
  const std::int64_t codes = std::int64_t{input.grid->qmax} - input.grid->qmin + 1;
  const auto count = static_cast<std::size_t>(codes);
  const std::span<const float> numbers(lookup.table);
  return numbers.size() == count
             ? numbers
             : numbers.subspan(static_cast<std::size_t>(channel) * count, count);
}

inline float apply(const Affine& step, std::size_t channel, float x) {
  if (!step.scale.empty()) x = x * step.scale[channel] + step.shift[channel];
  return range_of(step.activation).clamp(x);
}

/// Whether the steps have scales and shifts per channel.
inline bool has_channels(const std::vector<Affine>& steps) {
  return std::ranges::any_of(steps, [](const Affine& step) { return !step.scale.empty(); });
}

/// Applies all steps of an output, in order.
inline float take_steps(const Output& output, std::size_t channel, float x) {
  for (const Affine& step : output.steps) x = apply(step, channel, x);
  return x;
}

/// The code of x as stored in values, q - qmin.
inline std::uint8_t stored_code(float x, const quant::QuantGrid& grid) {
  const float centered = quant::centered_code(x, grid);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(centered) + grid.zero_point[0] -
                                   grid.qmin);
}

/// q - zero_point of a stored code.
inline std::int32_t centered(std::uint8_t stored, const quant::QuantGrid& grid) {
  return std::int32_t{stored} + grid.qmin - grid.zero_point[0];
}

}  // namespace quench::deploy
