#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "datasets/dataset.h"

namespace quench::datasets {

/// `count` images whose pixels identify them: pixel p of image i is the byte 7 * i + p, its label
/// i % classes.
inline std::shared_ptr<Dataset> counting_images(std::size_t count, ImageShape shape,
                                                std::size_t classes = 10) {
  ImageList images;
  images.shape = shape;
  images.class_names.assign(classes, "class");
  for (std::size_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<std::uint8_t>(i % classes));
    for (std::size_t p = 0; p < shape.bytes(); ++p) {
      images.pixels.push_back(static_cast<std::uint8_t>(7 * i + p));
    }
  }
  return memory_dataset(std::move(images));
}

inline std::vector<std::uint8_t> read_pixels(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> pixels(dataset.image_shape().bytes());
  dataset.read(index, pixels);
  return pixels;
}

}  // namespace quench::datasets
