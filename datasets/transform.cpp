#include "datasets/transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "support/error.h"

namespace quench::datasets {

void Transform::validate(ImageShape shape) const {
  const auto channels = static_cast<std::size_t>(shape.channels);
  require(mean.size() == channels && std.size() == channels,
          "transform: expected {} means and stds (one per channel), got {} and {}", channels,
          mean.size(), std.size());
  for (const float value : mean) {
    require(std::isfinite(value), "transform: expected finite means, got {}", value);
  }
  for (const float value : std) {
    require(std::isfinite(value) && value > 0.0f, "transform: expected finite stds > 0, got {}",
            value);
  }
  const int limit = std::min(shape.height, shape.width) - 1;
  require(crop_padding >= 0 && crop_padding <= limit,
          "transform: expected crop_padding in 0..{}, got {} (images {}x{})", limit, crop_padding,
          shape.height, shape.width);
  if (random_crop) random_crop->validate();
  jitter.validate(shape.channels);
}

PixelConverter::PixelConverter(const Transform& transform, ImageShape shape)
    : shape_(shape),
      crop_padding_(transform.crop_padding),
      horizontal_flip_(transform.horizontal_flip) {
  transform.validate(shape);
  table_.reserve(256 * transform.mean.size());
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t c = 0; c < transform.mean.size(); ++c) {
      table_.push_back((static_cast<float>(byte) - transform.mean[c]) / transform.std[c]);
    }
  }
}

void PixelConverter::convert(std::span<const std::uint8_t> pixels, Random random,
                             std::span<float> output) const {
  assert(pixels.size() == shape_.bytes() && output.size() == shape_.bytes());
  int shift_y = 0;
  int shift_x = 0;
  if (crop_padding_ > 0) {
    const auto shifts = static_cast<std::uint32_t>(2 * crop_padding_ + 1);
    shift_y = static_cast<int>(random.below(shifts)) - crop_padding_;
    shift_x = static_cast<int>(random.below(shifts)) - crop_padding_;
  }
  const bool flip = horizontal_flip_ && random.below(2) == 1;

  const std::int64_t row_size = std::int64_t{shape_.width} * shape_.channels;
  for (int y = 0; y < shape_.height; ++y) {
    const int source = y + shift_y;
    float* row = output.data() + y * row_size;
    if (source < 0 || source >= shape_.height) {
      std::fill_n(row, row_size, 0.0f);
    } else {
      convert_row(pixels.data() + source * row_size, shift_x, flip, row);
    }
  }
}

void PixelConverter::convert_row(const std::uint8_t* row, int shift, bool flip,
                                 float* output) const {
  const int channels = shape_.channels;
  const int width = shape_.width;
  // Columns of the crop that lie on the image; the others are pad.
  const int first = std::max(0, -shift);
  const int last = width - std::max(0, shift);
  if (shift != 0) std::fill_n(output, width * channels, 0.0f);
  const std::uint8_t* source = row + (first + shift) * channels;
  float* pixel = output + (flip ? width - 1 - first : first) * channels;
  const int step = flip ? -channels : channels;
  for (int x = first; x < last; ++x) {
    for (int c = 0; c < channels; ++c) {
      const int entry = source[c] * channels + c;
      pixel[c] = table_[static_cast<std::size_t>(entry)];
    }
    source += channels;
    pixel += step;
  }
}

}  // namespace quench::datasets
