#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "datasets/image.h"

namespace quench::datasets {

struct ImageShape {
  int channels = 0;
  int height = 0;
  int width = 0;

  std::size_t bytes() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(width);
  }
  bool operator==(const ImageShape&) const = default;
};

/// The properties of a data set that a network has to fit; known without loading its images.
struct DatasetFormat {
  ImageShape image;
  int classes = 0;
};

/// Chooses the part of a `width` x `height` image to return; it must lie inside.
using ChooseBox = std::function<Box(int width, int height)>;

/// A fixed collection of labelled images, all returned in one shape, one byte per channel value.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  virtual int num_classes() const = 0;
  virtual ImageShape image_shape() const = 0;
  virtual const std::vector<std::string>& class_names() const = 0;
  DatasetFormat format() const { return {image_shape(), num_classes()}; }

  /// Writes image `index` (0 to size() - 1) as H, W, C bytes and returns its label, 0 to
  /// num_classes() - 1. Thread-safe.
  /// @param pixels  image_shape().bytes() bytes
  /// @throws std::invalid_argument  if the index or the number of bytes is out of range
  virtual int read(std::int64_t index, std::span<std::uint8_t> pixels) const = 0;

  /// Likewise for a part of the image, resized to image_shape(). `choose` is called once, with the
  /// stored image's size.
  virtual int read_box(std::int64_t index, const ChooseBox& choose,
                       std::span<std::uint8_t> pixels) const;
};

struct DatasetPair {
  std::shared_ptr<Dataset> train;
  std::shared_ptr<Dataset> test;
  std::vector<std::string> left_out;  ///< "<file>: <reason>" for each unusable file
};

/// A view of the images `indices` of `whole`, in that order, without copying pixels. An index may
/// occur more than once.
/// @throws std::invalid_argument  if an index is not in 0..size()-1
std::shared_ptr<Dataset> subset(std::shared_ptr<const Dataset> whole,
                                std::vector<std::int64_t> indices);

/// The images [begin, end), such as the first n or a held-out rest.
/// @throws std::invalid_argument  unless 0 <= begin <= end <= size()
std::shared_ptr<Dataset> subset_range(std::shared_ptr<const Dataset> whole, std::int64_t begin,
                                      std::int64_t end);

/// Images stored consecutively in memory.
struct ImageList {
  ImageShape shape;
  std::vector<std::string> class_names;
  std::vector<std::uint8_t> pixels;  ///< [N, H, W, C]
  std::vector<std::uint8_t> labels;  ///< [N]
};

/// @throws std::invalid_argument  if the number of bytes does not match the number of labels, or a
///                                label has no class name
std::shared_ptr<Dataset> memory_dataset(ImageList images);

}  // namespace quench::datasets
