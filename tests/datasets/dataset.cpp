#include "datasets/dataset.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "datasets/images.h"

using namespace quench::datasets;

namespace {
constexpr ImageShape kTiny{.channels = 1, .height = 2, .width = 2};
}

TEST_CASE("subset: has the chosen images in the chosen order, with their labels") {
  const auto whole = counting_images(10, kTiny);
  const auto part = subset(whole, {7, 0, 7});
  REQUIRE(part->size() == 3);
  CHECK(part->num_classes() == 10);
  CHECK(part->image_shape() == kTiny);
  CHECK(read_pixels(*part, 0) == std::vector<std::uint8_t>{49, 50, 51, 52});
  CHECK(read_pixels(*part, 1) == std::vector<std::uint8_t>{0, 1, 2, 3});
  std::vector<std::uint8_t> pixels(4);
  CHECK(part->read(2, pixels) == 7);
}

TEST_CASE("subset_range: first part and held-out rest cover the whole once") {
  const auto whole = counting_images(10, kTiny);
  const auto first = subset_range(whole, 0, 8);
  const auto rest = subset_range(whole, 8, 10);
  CHECK(first->size() == 8);
  CHECK(rest->size() == 2);
  CHECK(read_pixels(*rest, 1) == read_pixels(*whole, 9));
  CHECK(subset_range(whole, 10, 10)->size() == 0);
}

TEST_CASE("dataset: a wrong index or buffer is named") {
  const auto whole = counting_images(10, kTiny);
  std::vector<std::uint8_t> pixels(4), short_by_one(3);
  CHECK_THROWS_WITH_AS(whole->read(10, pixels), "dataset: expected an index in 0..9, got 10",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(whole->read(0, short_by_one),
                       "dataset: expected a buffer of 4 bytes for an image, got 3",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(subset(whole, {0, 10}), "subset: expected indices in 0..9, got 10",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(subset(whole, {4})->read(-1, pixels),
                       "subset: expected an index in 0..0, got -1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(subset_range(whole, 5, 11),
                       "subset_range: expected 0 <= begin <= end <= 10, got [5, 11)",
                       std::invalid_argument);
}

TEST_CASE("memory_dataset: bytes and labels must fit the shape and the class names") {
  CHECK_THROWS_WITH_AS(
      memory_dataset({.shape = kTiny, .class_names = {"a"}, .pixels = {1, 2, 3}, .labels = {0}}),
      "memory_dataset: expected 4 bytes for 1 images, got 3", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      memory_dataset({.shape = kTiny, .class_names = {"a"}, .pixels = {1, 2, 3, 4}, .labels = {1}}),
      "memory_dataset: expected labels below 1 (the number of classes), got 1",
      std::invalid_argument);
}
