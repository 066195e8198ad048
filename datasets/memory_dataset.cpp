#include "datasets/memory_dataset.h"

#include <cstring>
#include <utility>

#include "support/error.h"

namespace quench::datasets {
namespace {

class MemoryDataset final : public Dataset {
 public:
  explicit MemoryDataset(ImageList images) : images_(std::move(images)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.labels.size()); }
  int num_classes() const override { return static_cast<int>(images_.class_names.size()); }
  ImageShape image_shape() const override { return images_.shape; }
  const std::vector<std::string>& class_names() const override { return images_.class_names; }

  int read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    require(index >= 0 && index < size(), "dataset: expected an index in 0..{}, got {}", size() - 1,
            index);
    const std::size_t bytes = images_.shape.bytes();
    require(pixels.size() == bytes, "dataset: expected room for {} bytes of an image, got {}",
            bytes, pixels.size());
    const auto at = static_cast<std::size_t>(index);
    std::memcpy(pixels.data(), images_.pixels.data() + at * bytes, bytes);
    return images_.labels[at];
  }

 private:
  ImageList images_;
};

}  // namespace

std::shared_ptr<Dataset> memory_dataset(ImageList images) {
  const std::size_t bytes = images.labels.size() * images.shape.bytes();
  require(images.pixels.size() == bytes, "memory_dataset: expected {} bytes for {} images, got {}",
          bytes, images.labels.size(), images.pixels.size());
  for (const std::uint8_t label : images.labels) {
    require(label < images.class_names.size(),
            "memory_dataset: expected labels below {} (the number of classes), got {}",
            images.class_names.size(), label);
  }
  return std::make_shared<MemoryDataset>(std::move(images));
}

}  // namespace quench::datasets
