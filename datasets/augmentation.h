#pragma once

#include <cstdint>
#include <span>

#include "core/random.h"
#include "datasets/image.h"

namespace quench::datasets {

/// A random part of an image, which is resized to the network's input (Szegedy et al. 2015,
/// arXiv:1409.4842, section 6; the defaults are torchvision's).
struct RandomCrop {
  double min_scale = 0.08;       ///< share of the image's area, drawn uniformly; > 0
  double max_scale = 1.0;        ///< at most 1
  double min_ratio = 3.0 / 4.0;  ///< width / height, drawn log-uniformly; > 0
  double max_ratio = 4.0 / 3.0;

  /// @throws std::invalid_argument  unless 0 < min <= max for both, and max_scale <= 1
  void validate() const;

  /// Draws up to ten boxes until one fits into `width` x `height`. If none does, returns the centre
  /// of the image with the nearest allowed ratio.
  Box draw(int width, int height, Random& random) const;
};

/// Random colour changes, as in torchvision's ColorJitter. 0 switches a property off.
struct ColorJitter {
  double brightness = 0.0;  ///< all values times a factor in [max(0, 1 - b), 1 + b]; >= 0
  double contrast = 0.0;    ///< likewise, the distance from the image's mean grey
  double saturation = 0.0;  ///< likewise, the distance from the pixel's grey; RGB only
  double hue = 0.0;         ///< a rotation of the colour circle in [-h, h], 0 to 0.5; RGB only

  bool any() const { return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0; }

  /// @throws std::invalid_argument  for values out of range, or saturation or hue for a grey image
  void validate(int channels) const;

  /// Changes H, W, C bytes. Draws the factor of each property that is not 0, in the order above,
  /// then the order in which they are applied. After each property, values are rounded to bytes and
  /// clamped.
  void apply(std::span<std::uint8_t> pixels, int channels, Random& random) const;
};

/// The single steps, for pixels of 1 or 3 channels; hue and saturation need 3.
void scale_brightness(std::span<std::uint8_t> pixels, float factor);
void scale_contrast(std::span<std::uint8_t> pixels, int channels, float factor);
void scale_saturation(std::span<std::uint8_t> pixels, float factor);
void turn_hue(std::span<std::uint8_t> pixels, float turn);

}  // namespace quench::datasets
