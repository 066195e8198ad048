#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace quench::datasets {

/// Images that lie in memory, one after the other.
struct ImageList {
  ImageShape shape;
  std::vector<std::string> class_names;
  std::vector<std::uint8_t> pixels;  ///< [N, H, W, C]
  std::vector<std::uint8_t> labels;  ///< [N]
};

/// @throws std::invalid_argument  if the number of bytes is not that of the labelled images, or a
///                                label has no class name
std::shared_ptr<Dataset> memory_dataset(ImageList images);

}  // namespace quench::datasets
