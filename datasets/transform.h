#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/random.h"
#include "datasets/color_jitter.h"
#include "datasets/dataset.h"
#include "datasets/random_crop.h"

namespace quench::datasets {

/// How images become network inputs: (pixel - mean) / std, after random crops, colours and flips.
struct Transform {
  std::vector<float> mean;  ///< per channel, in pixel units (0 to 255)
  std::vector<float> std;   ///< per channel, in pixel units; > 0

  /// Shifts the image by up to this many pixels along each axis, each shift equally likely: a
  /// random crop out of the image padded by as much on every side. The pad is 0 after
  /// normalisation, that is a pixel equal to the mean. 0 is no crop.
  int crop_padding = 0;
  bool horizontal_flip = false;           ///< mirrors every second image, at random
  std::optional<RandomCrop> random_crop;  ///< shows a part of the image in the whole's place
  ColorJitter jitter;

  /// @throws std::invalid_argument  if the lists do not hold one finite value per channel, a std is
  ///                                not > 0, the padding is not in 0..min(height, width)-1, or
  ///                                random_crop or jitter are out of range
  void validate(ImageShape shape) const;
};

/// A Transform prepared for one image shape; immutable, so threads may share it.
class PixelConverter {
 public:
  /// @throws std::invalid_argument  as Transform::validate
  PixelConverter(const Transform& transform, ImageShape shape);

  /// Writes one image as H, W, C floats. Draws from `random` the vertical shift, the horizontal
  /// shift and the flip, in this order, whichever of them the transform asks for.
  void convert(std::span<const std::uint8_t> pixels, Random random, std::span<float> output) const;

 private:
  void convert_row(const std::uint8_t* row, int shift, bool flip, float* output) const;

  ImageShape shape_;
  int crop_padding_;
  bool horizontal_flip_;
  std::vector<float> table_;  // [256, channels]: the normalised value of every byte
};

}  // namespace quench::datasets
