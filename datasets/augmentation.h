#pragma once

#include <cstdint>
#include <span>

#include "core/random.h"
#include "datasets/image.h"

namespace quench::datasets {

/// A random part of an image, to be resized to what the network sees (Szegedy et al. 2015,
/// arXiv:1409.4842, section 6; the defaults are torchvision's).
struct RandomCrop {
  double min_scale = 0.08;       ///< share of the image's area, uniform between these; > 0
  double max_scale = 1.0;        ///< at most 1
  double min_ratio = 3.0 / 4.0;  ///< width / height, its logarithm uniform between these; > 0
  double max_ratio = 4.0 / 3.0;

  /// @throws std::invalid_argument  unless 0 < min <= max for both, and max_scale <= 1
  void validate() const;

  /// Draws up to ten parts until one fits into `width` x `height`; failing that, the middle of the
  /// image with the nearest ratio that is allowed.
  Box draw(int width, int height, Random& random) const;
};

/// Random changes of colour, as torchvision's ColorJitter makes them. 0 leaves a property alone.
struct ColorJitter {
  double brightness = 0.0;  ///< all values times a factor in [max(0, 1 - b), 1 + b]; >= 0
  double contrast = 0.0;    ///< likewise their distance to the image's mean grey
  double saturation = 0.0;  ///< likewise the distance to the pixel's grey; RGB only
  double hue = 0.0;         ///< a turn of the colour circle in [-h, h], 0 to 0.5; RGB only

  bool any() const { return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0; }

  /// @throws std::invalid_argument  for values out of range, or colours of a grey image
  void validate(int channels) const;

  /// Changes H, W, C bytes. Draws the factor of each property that is not 0, in the order above, then
  /// the order to apply them in; values are rounded to bytes and clamped after each.
  void apply(std::span<std::uint8_t> pixels, int channels, Random& random) const;
};

/// The steps, on pixels of 1 or 3 channels; hue and saturation on 3.
void scale_brightness(std::span<std::uint8_t> pixels, float factor);
void scale_contrast(std::span<std::uint8_t> pixels, int channels, float factor);
void scale_saturation(std::span<std::uint8_t> pixels, float factor);
void turn_hue(std::span<std::uint8_t> pixels, float turn);

}  // namespace quench::datasets
