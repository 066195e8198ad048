#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ops/activation.h"
#include "deploy/network/integer_network.h"
#include "quant/code.h"

namespace quench::deploy {

// The steps on real numbers between a sum of integers and the next codes, one number at a time: each
// operation is rounded to f32, in this order, and nothing is contracted. They are what evaluation
// computes in training, and what the interpreter takes; the engine's loops do the same in vectors.

/// What takes a sum of output channel `o` to reals.
inline float output_scale(const quant::QuantGrid& input, const quant::QuantGrid& weight,
                          std::size_t o) {
  return input.scale[0] * weight.scale[weight.axis == 0 ? o : 0];
}

/// What takes the sum of a channel's weights on the image to what the offset of the input adds.
inline float offset_scale(const quant::QuantGrid& input, const quant::QuantGrid& weight,
                          std::size_t o) {
  return input.offset * weight.scale[weight.axis == 0 ? o : 0];
}

/// Of q - zero_point.
inline float real_of(std::int32_t centered, const quant::QuantGrid& grid) {
  return grid.scale[0] * static_cast<float>(centered) + grid.offset;
}

/// The numbers of a function for the codes of a channel, from qmin on.
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

/// Whether channels differ in what the steps do.
inline bool has_channels(const std::vector<Affine>& steps) {
  return std::ranges::any_of(steps, [](const Affine& step) { return !step.scale.empty(); });
}

/// All steps of an output, in their order.
inline float take_steps(const Output& output, std::size_t channel, float x) {
  for (const Affine& step : output.steps) x = apply(step, channel, x);
  return x;
}

/// The code of x as values keep it, q - qmin.
inline std::uint8_t stored_code(float x, const quant::QuantGrid& grid) {
  const float centered = quant::centered_code(x, grid);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(centered) + grid.zero_point[0] -
                                   grid.qmin);
}

/// q - zero_point of a code as values keep it.
inline std::int32_t centered(std::uint8_t stored, const quant::QuantGrid& grid) {
  return std::int32_t{stored} + grid.qmin - grid.zero_point[0];
}

}  // namespace quench::deploy
