#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"
#include "datasets/augmentation.h"
#include "datasets/dataset.h"

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

/// Mean and standard deviation that inputs are normalized by, in pixel units (0 to 255).
struct Normalization {
  std::vector<double> mean, std;  ///< per channel
};

/// Conventions with a name, of known_normalizations().
///
///   tf             x = RGB / 127.5 - 1: [-1, 1], as TensorFlow's networks were trained
///   unit           x = RGB / 255: [0, 1], as MLPerf Tiny's visual wake words
///   torchvision    RGB / 255 less ImageNet's mean, by its deviation: torchvision's and timm's
///   cifar10, cifar100, mnist, fashion_mnist   mean and deviation of that training set
///
/// @throws std::invalid_argument  if the name is unknown, or the convention is for another number of
///                                channels; the message lists those that fit
Normalization normalization(const std::string& name, int channels);

/// The names that images of `channels` can use.
std::vector<std::string> known_normalizations(int channels);

}  // namespace quench::datasets
