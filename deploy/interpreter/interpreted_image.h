#pragma once

// Private to the interpret*.cpp files.

#include <cstdint>
#include <variant>

#include "deploy/interpreter/interpreter.h"
#include "deploy/network/arithmetic.h"

namespace quench::deploy {

/// The values of one image of a batch.
class InterpretedImage {
 public:
  InterpretedImage(const IntegerNetwork& network, Values& values, std::int64_t index)
      : network_(network), values_(values), index_(index) {}

  void run(const Operation& operation, const float* pixels) {
    std::visit([&](const auto& kind) { run(operation, kind, pixels); }, operation.kind);
  }

 private:
  using Pixel = const float*;

  const Value& input(const Operation& operation, std::size_t i = 0) const {
    return network_.values[operation.inputs[i]];
  }
  std::uint8_t* codes(ValueId id) const {
    return values_[id].data<std::uint8_t>() + index_ * network_.values[id].numel();
  }
  /// q - zero_point at index `at`.
  std::int32_t number(const Operation& operation, std::size_t input_index, std::int64_t at) const {
    const ValueId id = operation.inputs[input_index];
    return centered(codes(id)[at], *network_.values[id].grid);
  }
  float real(const Operation& operation, std::size_t input_index, std::int64_t at) const {
    return real_of(number(operation, input_index, at), *input(operation, input_index).grid);
  }

  /// Writes `real` of `channel` to index `at` of every output.
  void write(const Operation& operation, std::int64_t channel, std::int64_t at, float real) const {
    for (const Output& output : operation.outputs) {
      const float x = take_steps(output, static_cast<std::size_t>(channel), real);
      const Value& value = network_.values[output.value];
      if (value.grid) {
        codes(output.value)[at] = stored_code(x, *value.grid);
      } else {
        values_[output.value].data()[index_ * value.numel() + at] = x;
      }
    }
  }

  void run(const Operation& operation, const Quantize& quantize, Pixel pixels) const;
  void run(const Operation& operation, const Convolution& conv, Pixel) const;
  void run(const Operation& operation, const Addition& addition, Pixel) const;
  void run(const Operation& operation, const Multiplication&, Pixel) const;
  void run(const Operation& operation, const Lookup& lookup, Pixel) const;
  void run(const Operation& operation, const AveragePool& pool, Pixel) const;
  void run(const Operation& operation, const MaxPool& pool, Pixel) const;
  void run(const Operation& operation, const ZeroPad& pad, Pixel) const;
  void run(const Operation& operation, const Concatenation&, Pixel) const;
  void run(const Operation& operation, const Extremum& extremum, Pixel) const;
  void run(const Operation& operation, const ChannelSelection& selection, Pixel) const;
  void run(const Operation& operation, const Upsampling& upsampling, Pixel) const;
  void run(const Operation& operation, const PixelSelection& selection, Pixel) const;
  void run(const Operation& operation, const Rearrangement& rearrangement, Pixel) const;

  const IntegerNetwork& network_;
  Values& values_;
  std::int64_t index_;
};

}  // namespace quench::deploy
