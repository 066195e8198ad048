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

/// Converts images to network inputs: (pixel - mean) / std, after random crops, colours and flips.
struct Transform {
  std::vector<float> mean;  ///< per channel, in pixel units (0 to 255)
  std::vector<float> std;   ///< per channel, in pixel units; > 0

  /// Shifts the image by up to this many pixels along each axis, all shifts equally likely: a
  /// random crop from the image padded on every side. The padding is 0 after normalization, that
  /// is, a pixel equal to the mean. 0: no crop.
  int crop_padding = 0;
  bool horizontal_flip = false;           ///< mirrors half of the images, at random
  std::optional<RandomCrop> random_crop;  ///< uses a part of the image instead of the whole
  ColorJitter jitter;

  /// @throws std::invalid_argument  unless each list has one finite value per channel, each std is
  ///                                > 0, the padding is in 0..min(height, width)-1, and random_crop
  ///                                and jitter are valid
  void validate(ImageShape shape) const;
};

/// A Transform prepared for one image shape; immutable, so threads may share it.
class PixelConverter {
 public:
  /// @throws std::invalid_argument  as Transform::validate
  PixelConverter(const Transform& transform, ImageShape shape);

  /// Writes one image as H, W, C floats. Always draws the vertical shift, the horizontal shift and
  /// the flip from `random`, in this order, even if the transform does not use them.
  void convert(std::span<const std::uint8_t> pixels, Random random, std::span<float> output) const;

 private:
  void convert_row(const std::uint8_t* row, int shift, bool flip, float* output) const;

  ImageShape shape_;
  int crop_padding_;
  bool horizontal_flip_;
  std::vector<float> table_;  // [256, channels]: the normalized value of every byte
};

/// Mean and standard deviation used to normalize inputs, in pixel units (0 to 255).
struct Normalization {
  std::vector<double> mean, std;  ///< per channel
};

/// The named conventions, see known_normalizations().
///
///   tf             x = RGB / 127.5 - 1: [-1, 1], as TensorFlow's networks were trained
///   unit           x = RGB / 255: [0, 1], as in MLPerf Tiny's visual wake words
///   torchvision    (RGB / 255 - mean) / deviation of ImageNet, as in torchvision and timm
///   cifar10, cifar100, mnist, fashion_mnist   mean and deviation of that training set
///
/// @throws std::invalid_argument  if the name is unknown, or the convention is for another number
///                                of channels; the message lists those that fit
Normalization normalization(const std::string& name, int channels);

/// The names available for images with `channels` channels.
std::vector<std::string> known_normalizations(int channels);

}  // namespace quench::datasets
