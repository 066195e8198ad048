#include "datasets/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "datasets/images.h"

using namespace quench::datasets;

namespace {

constexpr ImageShape kTiny{.channels = 1, .height = 3, .width = 3};
const Transform kPlain{.mean = {0.0f}, .std = {1.0f}};
const Transform kAugmented{
    .mean = {9.0f}, .std = {2.0f}, .crop_padding = 1, .horizontal_flip = true};

using Content = std::vector<std::vector<float>>;

/// The rest of the epoch: per batch its index, its labels and its pixels.
Content drain(Loader& loader) {
  Content content;
  while (const auto batch = loader.next()) {
    std::vector<float>& values = content.emplace_back();
    values.push_back(static_cast<float>(batch->index));
    for (const std::int32_t label : batch->labels.span<std::int32_t>()) {
      values.push_back(static_cast<float>(label));
    }
    const auto images = batch->images.span();
    values.insert(values.end(), images.begin(), images.end());
  }
  return content;
}

Content epoch_of(Loader& loader, std::int64_t epoch, std::int64_t first_batch = 0) {
  loader.start_epoch(epoch, first_batch);
  return drain(loader);
}

/// A dataset whose image `bad` cannot be read.
class Damaged final : public Dataset {
 public:
  explicit Damaged(std::int64_t bad) : images_(counting_images(20, kTiny)), bad_(bad) {}
  std::int64_t size() const override { return images_->size(); }
  int num_classes() const override { return images_->num_classes(); }
  ImageShape image_shape() const override { return images_->image_shape(); }
  const std::vector<std::string>& class_names() const override { return images_->class_names(); }
  int read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    if (index == bad_) throw std::runtime_error("image is damaged");
    return images_->read(index, pixels);
  }

 private:
  std::shared_ptr<Dataset> images_;
  std::int64_t bad_;
};

}  // namespace

TEST_CASE("loader: without shuffle the images come in order, the last batch shorter") {
  Loader loader(counting_images(10, kTiny), kPlain, {.batch_size = 4});
  CHECK(loader.batches_per_epoch() == 3);
  loader.start_epoch(0);
  std::int64_t image = 0;
  for (std::int64_t index = 0; index < 3; ++index) {
    const auto batch = loader.next();
    REQUIRE(batch.has_value());
    CHECK(batch->index == index);
    const std::int64_t count = index < 2 ? 4 : 2;
    CHECK(batch->images.shape() == quench::Shape{count, 1, 3, 3});
    CHECK(batch->labels.shape() == quench::Shape{count});
    for (std::int64_t i = 0; i < count; ++i, ++image) {
      CHECK(batch->labels.data<std::int32_t>()[i] == image);
      CHECK(batch->images.data()[i * 9 + 5] == static_cast<float>(7 * image + 5));
    }
  }
  CHECK_FALSE(loader.next().has_value());
  CHECK_FALSE(loader.next().has_value());
}

TEST_CASE("loader: images_in counts the images of the first batches") {
  Loader loader(counting_images(5, kTiny), kPlain, {.batch_size = 2});
  CHECK(loader.images_in(1) == 2);
  CHECK(loader.images_in(3) == 5);
  CHECK(loader.images_in(9) == 5);
  const Loader second(counting_images(5, kTiny), kPlain, {.batch_size = 3, .rank = 1, .ranks = 2});
  CHECK(second.images_in(2) == 3);  // 2 of the first three, 1 of the other two
}

TEST_CASE("loader: channels are innermost in memory") {
  const ImageShape shape{.channels = 3, .height = 2, .width = 2};
  const Transform transform{.mean = {0, 0, 0}, .std = {1, 1, 1}};
  Loader loader(counting_images(1, shape), transform, {.batch_size = 1});
  loader.start_epoch(0);
  const auto batch = loader.next();
  REQUIRE(batch.has_value());
  // Pixels count up in H, W, C order, so channel 1 holds 1, 4, 7, 10.
  const std::vector<float> row_major = batch->images.to_row_major();
  CHECK(std::vector(row_major.begin() + 4, row_major.begin() + 8) ==
        std::vector<float>{1, 4, 7, 10});
}

TEST_CASE("loader: drop_last leaves out the batch that is not full") {
  Loader loader(counting_images(10, kTiny), kPlain, {.batch_size = 4, .drop_last = true});
  CHECK(loader.batches_per_epoch() == 2);
  CHECK(epoch_of(loader, 0).size() == 2);
}

TEST_CASE("loader: shuffled epochs are permutations, each its own") {
  Loader loader(counting_images(30, kTiny, 30), kPlain, {.batch_size = 30, .shuffle = true});
  const auto labels = [&](std::int64_t epoch) {
    const std::vector<float> batch = epoch_of(loader, epoch).at(0);
    return std::vector(batch.begin() + 1, batch.begin() + 31);
  };
  const std::vector<float> first = labels(0);
  const std::vector<float> second = labels(1);
  CHECK(std::set(first.begin(), first.end()).size() == 30);
  CHECK(std::set(second.begin(), second.end()).size() == 30);
  CHECK(first != second);
  CHECK(labels(0) == first);
}

TEST_CASE("loader: neither threads nor prefetch change a value") {
  const auto images = counting_images(103, kTiny);
  LoaderOptions options{.batch_size = 8, .shuffle = true, .prefetch = 1, .seed = 5};
  Loader reference(images, kAugmented, options);
  const Content expected = epoch_of(reference, 2);
  REQUIRE(expected.size() == 13);
  for (const int threads : {1, 2, 5}) {
    for (const int prefetch : {1, 3, 50}) {
      CAPTURE(threads);
      CAPTURE(prefetch);
      options.threads = threads;
      options.prefetch = prefetch;
      Loader loader(images, kAugmented, options);
      CHECK(epoch_of(loader, 2) == expected);
    }
  }
  options.seed = 6;
  Loader other_seed(images, kAugmented, options);
  CHECK(epoch_of(other_seed, 2) != expected);
}

TEST_CASE("loader: an epoch entered in the middle continues as if it had been run from its start") {
  Loader loader(counting_images(40, kTiny), kAugmented,
                {.batch_size = 8, .shuffle = true, .seed = 3});
  const Content whole = epoch_of(loader, 4);
  for (std::int64_t first = 0; first <= 5; ++first) {
    CAPTURE(first);
    CHECK(epoch_of(loader, 4, first) == Content(whole.begin() + first, whole.end()));
  }
}

TEST_CASE("loader: random parts and colours depend on seed, epoch and position alone") {
  const ImageShape shape{.channels = 3, .height = 260, .width = 260};  // batches in several pieces
  Transform transform{.mean = {0, 0, 0}, .std = {1, 1, 1}};
  transform.random_crop.emplace();
  transform.jitter = {.brightness = 0.3, .saturation = 0.3};
  const auto content = [&](int threads, std::int64_t epoch, std::int64_t first) {
    Loader loader(counting_images(9, shape), transform,
                  {.batch_size = 5, .shuffle = true, .threads = threads, .seed = 4});
    return epoch_of(loader, epoch, first);
  };
  const Content one = content(1, 0, 0);
  CHECK(one == content(4, 0, 0));
  CHECK(one != content(1, 1, 0));
  CHECK(one.at(1) == content(3, 0, 1).at(0));
}

TEST_CASE("loader: of several damaged images in a batch the first is reported") {
  /// Every image is damaged, and says which it is.
  class AllDamaged final : public Dataset {
   public:
    std::int64_t size() const override { return 12; }
    int num_classes() const override { return 1; }
    ImageShape image_shape() const override { return {.channels = 3, .height = 500, .width = 500}; }
    const std::vector<std::string>& class_names() const override { return names_; }
    int read(std::int64_t index, std::span<std::uint8_t>) const override {
      throw std::runtime_error("image " + std::to_string(index));
    }

   private:
    std::vector<std::string> names_{"class"};
  };
  const Transform plain{.mean = {0, 0, 0}, .std = {1, 1, 1}};
  for (int round = 0; round < 20; ++round) {
    Loader loader(std::make_shared<AllDamaged>(), plain, {.batch_size = 6, .threads = 4});
    loader.start_epoch(0, 1);
    CHECK_THROWS_WITH_AS(loader.next(), "image 6", std::runtime_error);
  }
}

TEST_CASE("loader: reports how long the consumer waited") {
  /// Takes its time.
  class Slow final : public Dataset {
   public:
    std::int64_t size() const override { return images_->size(); }
    int num_classes() const override { return images_->num_classes(); }
    ImageShape image_shape() const override { return images_->image_shape(); }
    const std::vector<std::string>& class_names() const override { return images_->class_names(); }
    int read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return images_->read(index, pixels);
    }

   private:
    std::shared_ptr<Dataset> images_ = counting_images(4, kTiny);
  };
  Loader loader(std::make_shared<Slow>(), kPlain, {.batch_size = 2});
  CHECK(loader.seconds_waited() == 0.0);
  loader.start_epoch(0);
  drain(loader);
  CHECK(loader.seconds_waited() >= 0.018);  // the consumer does nothing else
  loader.start_epoch(1);
  CHECK(loader.seconds_waited() == 0.0);
}

TEST_CASE("loader: a held batch is not overwritten by later ones") {
  Loader loader(counting_images(40, kTiny), kPlain, {.batch_size = 4, .prefetch = 2});
  loader.start_epoch(0);
  const auto first = loader.next();
  drain(loader);
  CHECK(first->images.data()[0] == 0.0f);
  CHECK(first->images.data()[9] == 7.0f);
}

TEST_CASE("loader: stops in the middle of an epoch, and starts another") {
  const auto images = counting_images(1000, kTiny);
  for (int round = 0; round < 20; ++round) {
    Loader loader(images, kPlain, {.batch_size = 2, .threads = 3, .prefetch = 2});
    loader.start_epoch(0);
    for (int i = 0; i < round; ++i) loader.next();
    if (round % 2 == 0) continue;  // destroyed with threads waiting for room
    loader.start_epoch(1);
    CHECK(loader.next()->index == 0);
  }
}

TEST_CASE(
    "loader: an exception of a background thread arrives with its batch, and a new epoch works") {
  Loader loader(std::make_shared<Damaged>(9), kPlain, {.batch_size = 4, .threads = 2});
  loader.start_epoch(0);
  CHECK(loader.next()->index == 0);
  CHECK(loader.next()->index == 1);
  CHECK_THROWS_WITH_AS(loader.next(), "image is damaged", std::runtime_error);
  CHECK_THROWS_AS(loader.next(), std::logic_error);
  loader.start_epoch(0, 3);
  CHECK(loader.next()->index == 3);
}

TEST_CASE("loader: options out of range are named") {
  const auto images = counting_images(100, kTiny);
  CHECK_THROWS_WITH_AS(Loader(images, kPlain, {.batch_size = 128, .drop_last = true}),
                       "loader: expected batch_size <= 100 images with drop_last, got 128",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Loader(subset(images, {}), kPlain, {.batch_size = 1}),
                       "loader: expected a dataset with images, got none", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Loader(images, kPlain, {.batch_size = 0}),
                       "loader: expected batch_size >= 1, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Loader(images, kPlain, {.batch_size = 1, .threads = 0}),
                       "loader: expected threads >= 1, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Loader(images, kPlain, {.batch_size = 1, .prefetch = 0}),
                       "loader: expected prefetch >= 1, got 0", std::invalid_argument);
  Loader loader(images, kPlain, {.batch_size = 10});
  CHECK_THROWS_WITH_AS(loader.next(), "loader: expected start_epoch before next", std::logic_error);
  CHECK_THROWS_WITH_AS(loader.start_epoch(0, 11), "loader: expected first_batch in 0..10, got 11",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(loader.start_epoch(-1), "loader: expected epoch >= 0, got -1",
                       std::invalid_argument);
  CHECK(Loader(images, kPlain, {.batch_size = 128}).batches_per_epoch() == 1);
}

TEST_CASE("loader: ranks share each batch, in order and without overlap, whatever its size") {
  for (const int ranks : {2, 3, 4}) {
    for (const bool drop_last : {true, false}) {
      const LoaderOptions all{.batch_size = 7, .shuffle = true, .drop_last = drop_last, .seed = 5};
      Loader whole(counting_images(30, kTiny), kAugmented, all);
      std::vector<std::unique_ptr<Loader>> parts;
      for (int rank = 0; rank < ranks; ++rank) {
        LoaderOptions own = all;
        own.rank = rank;
        own.ranks = ranks;
        own.threads = 1 + rank;
        parts.push_back(std::make_unique<Loader>(counting_images(30, kTiny), kAugmented, own));
        CHECK(parts.back()->batches_per_epoch() == whole.batches_per_epoch());
      }
      // Entered in the middle, as by a resumed run.
      whole.start_epoch(2, 1);
      for (const auto& part : parts) part->start_epoch(2, 1);
      while (const auto batch = whole.next()) {
        std::vector<std::int32_t> labels;
        std::vector<float> pixels;
        for (int rank = 0; rank < ranks; ++rank) {
          const auto part = parts[static_cast<std::size_t>(rank)]->next();
          const std::int64_t count = batch->labels.dim(0);
          const std::int64_t own = count * (rank + 1) / ranks - count * rank / ranks;
          CHECK(part.has_value() == (own > 0));
          if (!part) continue;
          CHECK(part->index == batch->index);
          CHECK(part->labels.dim(0) == own);
          const auto part_labels = part->labels.span<std::int32_t>();
          labels.insert(labels.end(), part_labels.begin(), part_labels.end());
          const auto part_pixels = part->images.span();
          pixels.insert(pixels.end(), part_pixels.begin(), part_pixels.end());
        }
        const auto batch_labels = batch->labels.span<std::int32_t>();
        const auto batch_pixels = batch->images.span();
        CHECK(std::ranges::equal(labels, batch_labels));
        CHECK(std::ranges::equal(pixels, batch_pixels));
      }
      for (const auto& part : parts) CHECK_FALSE(part->next().has_value());
    }
  }
}

TEST_CASE("loader: a rank out of range, or batches too small for all ranks, are rejected") {
  CHECK_THROWS_WITH_AS(
      Loader(counting_images(9, kTiny), kPlain, {.batch_size = 4, .rank = 2, .ranks = 2}),
      "loader: expected a rank in 0..1, got 2", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      Loader(counting_images(9, kTiny), kPlain, {.batch_size = 1, .rank = 0, .ranks = 2}),
      "loader: expected batch_size >= 2, one image per rank, got 1", std::invalid_argument);
}
