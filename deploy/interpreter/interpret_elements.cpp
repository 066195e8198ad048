#include <algorithm>

#include "deploy/interpreter/interpreted_image.h"

namespace quench::deploy {

void InterpretedImage::run(const Operation& operation, const Quantize&, Pixel pixels) const {
  const std::int64_t count = network_.channels * network_.height * network_.width;
  for (std::int64_t i = 0; i < count; ++i) write(operation, i % network_.channels, i, pixels[i]);
}

void InterpretedImage::run(const Operation& operation, const Addition&, Pixel) const {
  const Value& value = input(operation);
  for (std::int64_t at = 0; at < value.numel(); ++at)
    write(operation, at % value.channels, at, real(operation, 0, at) + real(operation, 1, at));
}

void InterpretedImage::run(const Operation& operation, const Multiplication&, Pixel) const {
  const Value &a = input(operation, 0), &b = input(operation, 1);
  const bool of_reals = a.grid->offset != 0.0f || b.grid->offset != 0.0f;
  const float scale = a.grid->scale[0] * b.grid->scale[0];
  for (std::int64_t at = 0; at < std::max(a.numel(), b.numel()); ++at) {
    const std::int64_t channel = at % a.channels;
    const std::int64_t at_a = a.numel() < b.numel() ? channel : at;
    const std::int64_t at_b = b.numel() < a.numel() ? channel : at;
    const std::int32_t product = number(operation, 0, at_a) * number(operation, 1, at_b);
    write(operation, channel, at,
          of_reals ? real(operation, 0, at_a) * real(operation, 1, at_b)
                   : static_cast<float>(product) * scale);
  }
}

void InterpretedImage::run(const Operation& operation, const Lookup& lookup, Pixel) const {
  const Value& value = input(operation);
  for (std::int64_t at = 0; at < value.numel(); ++at)
    write(operation, at % value.channels, at, lookup.table[codes(operation.inputs[0])[at]]);
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

}  // namespace quench::deploy
