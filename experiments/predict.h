#pragma once

#include <filesystem>
#include <vector>

#include "core/tensor.h"
#include "experiments/config/config.h"

namespace quench::train {

struct Prediction {
  int label = 0;
  double probability = 0.0;
};

/// An image file as evaluation would show it to the network of `config`, [1, C, H, W]: for an image
/// folder as data.resize and data.image_size say, for a set of small images with its short side
/// resized to theirs and the middle cropped. A set of one channel gets the luma (ITU-R BT.601).
/// @throws std::runtime_error  if the file cannot be decoded, naming it
Tensor load_image(const ExperimentConfig& config, const std::filesystem::path& file);

/// The `count` most probable classes of one row of logits, [1, classes], by softmax; of equal ones
/// the lower label first. @throws std::invalid_argument  for another shape
std::vector<Prediction> most_probable(const Tensor& logits, int count);

}  // namespace quench::train
