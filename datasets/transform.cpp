#include "datasets/transform.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "support/error.h"
#include "support/suggest.h"

namespace quench::datasets {
namespace {

struct Convention {
  const char* name;
  int channels;  // 0: any number, all with the same values
  std::array<double, 3> mean, std;
};

// Means and deviations of a data set are computed over its training images, times 255.
constexpr std::array kConventions{
    Convention{"tf", 0, {127.5}, {127.5}},
    Convention{"unit", 0, {0.0}, {255.0}},
    Convention{"torchvision", 3, {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}},
    Convention{"cifar10", 3, {125.3, 123.0, 113.9}, {63.0, 62.1, 66.7}},
    Convention{"cifar100", 3, {129.3, 124.1, 112.4}, {68.2, 65.4, 70.4}},
    Convention{"mnist", 1, {33.318}, {78.567}},
    Convention{"fashion_mnist", 1, {72.94}, {90.02}},
};

bool fits(const Convention& convention, int channels) {
  return convention.channels == 0 || convention.channels == channels;
}

}  // namespace

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
  // Columns of the crop inside the image; the others are padding.
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

std::vector<std::string> known_normalizations(int channels) {
  std::vector<std::string> names;
  for (const Convention& convention : kConventions) {
    if (fits(convention, channels)) names.emplace_back(convention.name);
  }
  return names;
}

Normalization normalization(const std::string& name, int channels) {
  const auto* found = std::ranges::find(kConventions, name, &Convention::name);
  require(found != kConventions.end() && fits(*found, channels),
          "normalization: expected a convention for {} channels, got '{}'{}", channels, name,
          suggestion(name, known_normalizations(channels)));
  Normalization result;
  for (int c = 0; c < channels; ++c) {
    const auto entry = static_cast<std::size_t>(found->channels == 0 ? 0 : c);
    result.mean.push_back(found->mean[entry]);
    result.std.push_back(found->std[entry]);
  }
  return result;
}

}  // namespace quench::datasets
