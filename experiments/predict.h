#pragma once

#include <filesystem>
#include <vector>

#include "core/tensor.h"
#include "experiments/config/config.h"

namespace quench::experiments {

struct Prediction {
  int label = 0;
  double probability = 0.0;
};

/// Converts an image file to the network's input as in evaluation, [1, C, H, W]. For an image
/// folder, it uses data.resize and data.image_size; for a set of small images, it resizes the short
/// side to theirs and crops the centre. A set with one channel gets the luma (ITU-R BT.601).
/// @throws std::runtime_error  if the file cannot be decoded, naming it
Tensor load_image(const ExperimentConfig& config, const std::filesystem::path& file);

/// The `count` most probable classes of one row of logits, [1, classes], by softmax; equal ones in
/// label order. @throws std::invalid_argument  for another shape
std::vector<Prediction> most_probable(const Tensor& logits, int count);

}  // namespace quench::experiments
