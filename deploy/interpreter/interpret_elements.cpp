#include <algorithm>

#include "deploy/interpreter/interpreted_image.h"

namespace quench::deploy {

void InterpretedImage::run(const Operation& operation, const Quantize& quantize,
                           Pixel pixels) const {
  const std::int64_t count = network_.channels * network_.height * network_.width;
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = quantize.image.empty()
                        ? pixels[i]
                        : pixels[i] + quantize.image[static_cast<std::size_t>(i)];
    write(operation, i % network_.channels, i, x);
  }
}

void InterpretedImage::run(const Operation& operation, const Addition& addition, Pixel) const {
  const Value& value = input(operation);
  for (std::int64_t at = 0; at < value.numel(); ++at) {
    const float a = real(operation, 0, at), b = real(operation, 1, at);
    write(operation, at % value.channels, at, addition.subtracts ? a - b : a + b);
  }
}

void InterpretedImage::run(const Operation& operation, const Multiplication&, Pixel) const {
  const Value &a = input(operation, 0), &b = input(operation, 1);
  const bool has_offset = a.grid->offset != 0.0f || b.grid->offset != 0.0f;
  const float scale = a.grid->scale[0] * b.grid->scale[0];
  for (std::int64_t at = 0; at < std::max(a.numel(), b.numel()); ++at) {
    const std::int64_t channel = at % a.channels;
    const std::int64_t at_a = a.numel() < b.numel() ? channel : at;
    const std::int64_t at_b = b.numel() < a.numel() ? channel : at;
    const std::int32_t product = number(operation, 0, at_a) * number(operation, 1, at_b);
    write(operation, channel, at,
          has_offset ? real(operation, 0, at_a) * real(operation, 1, at_b)
                     : static_cast<float>(product) * scale);
  }
}

void InterpretedImage::run(const Operation& operation, const Lookup& lookup, Pixel) const {
  const Value& value = input(operation);
  for (std::int64_t at = 0; at < value.numel(); ++at) {
    const std::int64_t channel = at % value.channels;
    write(operation, channel, at, table_of(lookup, value, channel)[codes(operation.inputs[0])[at]]);
  }
}

void InterpretedImage::run(const Operation& operation, const ZeroPad& pad, Pixel) const {
  const Value& image = input(operation);
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  const std::uint8_t zero = stored_code(0.0f, *image.grid);
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t channel = at % output.channels - pad.before, place = at / output.channels;
    const std::int64_t y = place / output.width - pad.image.top;
    const std::int64_t x = place % output.width - pad.image.left;
    const bool inside = channel >= 0 && channel < image.channels && y >= 0 && y < image.height &&
                        x >= 0 && x < image.width;
    const std::int64_t from = (y * image.width + x) * image.channels + channel;
    codes(to)[at] = inside ? codes(operation.inputs[0])[from] : zero;
  }
}

void InterpretedImage::run(const Operation& operation, const Concatenation&, Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < operation.inputs.size(); ++i) {
    const Value& part = input(operation, i);
    for (std::int64_t at = 0; at < part.numel(); ++at) {
      const std::int64_t pixel = at / part.channels, channel = begin + at % part.channels;
      codes(to)[pixel * output.channels + channel] = codes(operation.inputs[i])[at];
    }
    begin += part.channels;
  }
}

void InterpretedImage::run(const Operation& operation, const Extremum& extremum, Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const auto channel = static_cast<std::size_t>(at % output.channels);
    const bool smallest = !extremum.smallest.empty() && extremum.smallest[channel] != 0;
    std::uint8_t chosen = codes(operation.inputs[0])[at];
    for (const ValueId from : operation.inputs)
      chosen = smallest ? std::min(chosen, codes(from)[at]) : std::max(chosen, codes(from)[at]);
    codes(to)[at] = chosen;
  }
}

void InterpretedImage::run(const Operation& operation, const ChannelSelection& selection,
                           Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const Value &image = input(operation), &output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t pixel = at / output.channels;
    const std::int64_t channel = selection.channels[static_cast<std::size_t>(at % output.channels)];
    codes(to)[at] = codes(operation.inputs[0])[pixel * image.channels + channel];
  }
}

void InterpretedImage::run(const Operation& operation, const Upsampling& upsampling, Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const Value &image = input(operation), &output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t place = at / output.channels;
    const std::int64_t y = place / output.width / upsampling.factor[0];
    const std::int64_t x = place % output.width / upsampling.factor[1];
    codes(to)[at] =
        codes(operation.inputs[0])[(y * image.width + x) * image.channels + at % output.channels];
  }
}

void InterpretedImage::run(const Operation& operation, const PixelSelection& selection,
                           Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const Value &image = input(operation), &output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t place = at / output.channels;
    const std::int64_t y = selection.rows[static_cast<std::size_t>(place / output.width)];
    const std::int64_t x = selection.columns[static_cast<std::size_t>(place % output.width)];
    codes(to)[at] =
        codes(operation.inputs[0])[(y * image.width + x) * image.channels + at % output.channels];
  }
}

/// Computes each code's position before the permutation of axes from its position after it.
void InterpretedImage::run(const Operation& operation, const Rearrangement& rearrangement,
                           Pixel) const {
  const ValueId to = operation.outputs[0].value;
  const auto& [dims, axes, size] = rearrangement;
  for (std::int64_t at = 0; at < network_.values[to].numel(); ++at) {
    std::vector<std::int64_t> place(dims.size());
    std::int64_t rest = at, from = 0;
    for (std::size_t i = axes.size(); i-- > 0;) {
      const auto axis = static_cast<std::size_t>(axes[i]);
      place[axis] = rest % dims[axis];
      rest /= dims[axis];
    }
    for (std::size_t axis = 0; axis < dims.size(); ++axis) from = from * dims[axis] + place[axis];
    codes(to)[at] = codes(operation.inputs[0])[from];
  }
}

}  // namespace quench::deploy
