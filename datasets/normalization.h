#pragma once

#include <string>
#include <vector>

namespace quench::datasets {

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
