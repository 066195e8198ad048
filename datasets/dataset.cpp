#include "datasets/dataset.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "datasets/resize.h"
#include "support/error.h"

namespace quench::datasets {
namespace {

class Subset final : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices)
      : whole_(std::move(whole)), indices_(std::move(indices)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  int num_classes() const override { return whole_->num_classes(); }
  ImageShape image_shape() const override { return whole_->image_shape(); }
  const std::vector<std::string>& class_names() const override { return whole_->class_names(); }

  int read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    return whole_->read(source(index), pixels);
  }

  int read_box(std::int64_t index, const ChooseBox& choose,
               std::span<std::uint8_t> pixels) const override {
    return whole_->read_box(source(index), choose, pixels);
  }

 private:
  std::int64_t source(std::int64_t index) const {
    require(index >= 0 && index < size(), "subset: expected an index in 0..{}, got {}", size() - 1,
            index);
    return indices_[static_cast<std::size_t>(index)];
  }

  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int64_t> indices_;
};

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
    require(pixels.size() == bytes, "dataset: expected a buffer of {} bytes for an image, got {}",
            bytes, pixels.size());
    const auto at = static_cast<std::size_t>(index);
    std::memcpy(pixels.data(), images_.pixels.data() + at * bytes, bytes);
    return images_.labels[at];
  }

 private:
  ImageList images_;
};

}  // namespace

int Dataset::read_box(std::int64_t index, const ChooseBox& choose,
                      std::span<std::uint8_t> pixels) const {
  const ImageShape shape = image_shape();
  std::vector<std::uint8_t> whole(shape.bytes());
  const int label = read(index, whole);
  const ImageView view{whole.data(), shape.width, shape.height, shape.channels,
                       std::ptrdiff_t{shape.width} * shape.channels};
  resize(view.part(choose(shape.width, shape.height)), shape.width, shape.height,
         {.width = shape.width, .height = shape.height}, pixels.data());
  return label;
}

std::shared_ptr<Dataset> subset(std::shared_ptr<const Dataset> whole,
                                std::vector<std::int64_t> indices) {
  for (const std::int64_t index : indices) {
    require(index >= 0 && index < whole->size(), "subset: expected indices in 0..{}, got {}",
            whole->size() - 1, index);
  }
  return std::make_shared<Subset>(std::move(whole), std::move(indices));
}

std::shared_ptr<Dataset> subset_range(std::shared_ptr<const Dataset> whole, std::int64_t begin,
                                      std::int64_t end) {
  require(0 <= begin && begin <= end && end <= whole->size(),
          "subset_range: expected 0 <= begin <= end <= {}, got [{}, {})", whole->size(), begin,
          end);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return std::make_shared<Subset>(std::move(whole), std::move(indices));
}

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
