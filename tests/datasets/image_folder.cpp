#include "datasets/image_folder.h"

#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "datasets/image_files.h"
#include "datasets/images.h"
#include "temporary_folder.h"

using namespace quench::datasets;
using quench::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const ImageFolderOptions kSmall{.image_size = 4, .short_side = 4};

/// A 4x4 picture of one colour.
void write_image(const fs::path& path, int value) {
  const std::vector<std::uint8_t> pixels(4 * 4 * 3, static_cast<std::uint8_t>(value));
  write_bytes(path, bmp_file(4, 4, pixels));
}

std::string error_of(const fs::path& root, const ImageFolderOptions& options = kSmall) {
  try {
    open_image_folder(root, options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

/// First byte and label of every image.
std::vector<std::pair<int, int>> contents(const Dataset& set) {
  std::vector<std::pair<int, int>> result;
  std::vector<std::uint8_t> pixels(set.image_shape().bytes());
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const int label = set.read(i, pixels);
    result.emplace_back(pixels[0], label);
  }
  return result;
}

using Contents = std::vector<std::pair<int, int>>;

}  // namespace

TEST_CASE("imagefolder: classes by folder name, images by file name, hidden files skipped") {
  const TemporaryFolder root;
  write_image(root / "train/dog/2.bmp", 20);
  write_image(root / "train/dog/1.bmp", 10);
  write_image(root / "train/cat/a.any", 30);
  write_bytes(root / "train/cat/.DS_Store", {});
  write_image(root / "val/dog/x.bmp", 40);
  const DatasetPair pair = open_image_folder(root.path(), kSmall);
  CHECK(pair.train->class_names() == std::vector<std::string>{"cat", "dog"});
  CHECK(contents(*pair.train) == Contents{{30, 0}, {10, 1}, {20, 1}});
  CHECK(contents(*pair.test) == Contents{{40, 1}});
  CHECK(count_image_folder_classes(root.path(), kSmall) == 2);
  CHECK(pair.train->image_shape() == ImageShape{3, 4, 4});
}

TEST_CASE("imagefolder: class folders in the root serve for training and test") {
  const TemporaryFolder root;
  write_image(root / "a/1.bmp", 1);
  write_image(root / "b/1.bmp", 2);
  const DatasetPair pair = open_image_folder(root.path(), kSmall);
  CHECK(contents(*pair.train) == Contents{{1, 0}, {2, 1}});
  CHECK(contents(*pair.test) == contents(*pair.train));
}

TEST_CASE("imagefolder: folders can be given separately") {
  const TemporaryFolder root;
  write_image(root / "one/a/1.bmp", 1);
  write_image(root / "two/a/1.bmp", 2);
  ImageFolderOptions options = kSmall;
  options.paths = {.train = root / "one", .test = root / "two"};
  const DatasetPair pair = open_image_folder("no such folder", options);
  CHECK(contents(*pair.train) == Contents{{1, 0}});
  CHECK(contents(*pair.test) == Contents{{2, 0}});
}

TEST_CASE("imagefolder: labels.tsv gives indices and names, also for a subset of the classes") {
  const TemporaryFolder root;
  std::ofstream(root / "labels.tsv")
      << "index\twnid\tname\n0\tn01\ttench\n1\tn02\tgoldfish, carp\n2\tn03\tshark\n";
  write_image(root / "n03/1.bmp", 3);
  write_image(root / "n01/1.bmp", 1);
  const DatasetPair pair = open_image_folder(root.path(), kSmall);
  CHECK(contents(*pair.train) == Contents{{1, 0}, {3, 2}});
  CHECK(pair.train->class_names() == std::vector<std::string>{"tench", "goldfish, carp", "shark"});
  CHECK(pair.train->num_classes() == 3);
  write_image(root / "n04/1.bmp", 1);
  CHECK(error_of(root.path()) == "imagefolder: " + (root / "n04").string() +
                                     ": expected the folder of one of the 3 classes");
}

TEST_CASE(
    "imagefolder: classes are known without images, by number or by a list; both are checked") {
  const TemporaryFolder root;
  ImageFolderOptions options = kSmall;
  options.classes = 3;
  CHECK(count_image_folder_classes(root / "nowhere", options) == 3);
  std::ofstream(root / "list.tsv") << "0\tn01\ta\n1\tn02\tb\n";
  ImageFolderOptions listed = kSmall;
  listed.paths.labels = root / "list.tsv";
  CHECK(count_image_folder_classes(root / "nowhere", listed) == 2);

  write_image(root / "images/n01/1.bmp", 1);
  CHECK(count_image_folder_classes(root / "images", kSmall) == 1);
  const std::string message = "data.classes: expected 1, the number of classes in " +
                              (root / "images").string() + ", got 3";
  CHECK_THROWS_WITH_AS(open_image_folder(root / "images", options), message.c_str(),
                       std::invalid_argument);
}

TEST_CASE("imagefolder: the error names a malformed line of labels.tsv") {
  const TemporaryFolder root;
  write_image(root / "n01/1.bmp", 1);
  const auto error_with = [&root](const char* text) {
    std::ofstream(root / "labels.tsv") << text;
    return error_of(root.path());
  };
  const std::string file = (root / "labels.tsv").string();
  CHECK(error_with("0\tn01\ta\n1 n02 b\n") ==
        file + ":2: expected index, folder and name separated by tabs, got '1 n02 b'");
  CHECK(error_with("0\tn01\ta\n2\tn02\tb\n") == file + ":2: expected index 1, got 2");
  CHECK(error_with("") == file + ": expected at least one class, got none");
}

TEST_CASE("imagefolder: evaluation resizes the short side and crops the middle") {
  const TemporaryFolder root;
  // 8x4, its columns 0, 10, ... 70: with the short side 4 unchanged, the middle 2x2 begins at
  // column 3.
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 8 * 4; ++i)
    pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>(i % 8 * 10));
  write_bytes(root / "a/1.bmp", bmp_file(8, 4, pixels));
  const auto pair = open_image_folder(root.path(), {.image_size = 2, .short_side = 4});
  CHECK(read_pixels(*pair.train, 0) ==
        std::vector<std::uint8_t>{30, 30, 30, 40, 40, 40, 30, 30, 30, 40, 40, 40});
}

TEST_CASE("imagefolder: read_box returns the chosen part, resized") {
  const TemporaryFolder root;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 8 * 8; ++i) pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>(i));
  write_bytes(root / "a/1.bmp", bmp_file(8, 8, pixels));
  const auto pair = open_image_folder(root.path(), {.image_size = 2, .short_side = 2});
  std::vector<std::uint8_t> shown(2 * 2 * 3);
  const auto choose = [](int width, int height) {
    CHECK(width == 8);
    CHECK(height == 8);
    return Box{.x = 5, .y = 1, .width = 2, .height = 2};
  };
  CHECK(pair.train->read_box(0, choose, shown) == 0);
  CHECK(shown == std::vector<std::uint8_t>{13, 13, 13, 14, 14, 14, 21, 21, 21, 22, 22, 22});
}

TEST_CASE("imagefolder: a bad file is an error with its name, or left out and listed") {
  const TemporaryFolder root;
  write_image(root / "a/1.bmp", 1);
  write_image(root / "a/3.bmp", 3);
  write_bytes(root / "a/2.txt", std::vector<std::uint8_t>{'h', 'i'});
  const std::string fault = (root / "a/2.txt").string() + ": not a JPEG, PNG or BMP file";
  const DatasetPair pair = open_image_folder(root.path(), kSmall);
  std::vector<std::uint8_t> pixels(4 * 4 * 3);
  CHECK_THROWS_WITH_AS(pair.train->read(1, pixels), fault.c_str(), std::runtime_error);

  ImageFolderOptions options = kSmall;
  options.skip_bad = true;
  options.threads = 3;
  const DatasetPair sound = open_image_folder(root.path(), options);
  CHECK(contents(*sound.train) == Contents{{1, 0}, {3, 0}});
  CHECK(sound.left_out == std::vector<std::string>{fault});

  fs::remove(root / "a/1.bmp");
  fs::remove(root / "a/3.bmp");
  CHECK(error_of(root.path(), options) ==
        "imagefolder: none of 1 files can be decoded; the first: " + fault);
}

TEST_CASE("imagefolder: decoded images are cached while they fit") {
  const TemporaryFolder root;
  for (int i = 0; i < 3; ++i) write_image(root / ("a/" + std::to_string(i)), i);
  ImageFolderOptions options = kSmall;
  options.cache_bytes = 2 * 4 * 4 * 3 + 1;  // two pictures
  const DatasetPair pair = open_image_folder(root.path(), options);
  const Contents all = contents(*pair.train);
  for (int i = 0; i < 2; ++i) fs::remove(root / ("a/" + std::to_string(i)));
  CHECK(contents(*pair.train) == all);
  fs::remove(root / "a/2");
  std::vector<std::uint8_t> pixels(4 * 4 * 3);
  CHECK(pair.train->read(1, pixels) == 0);
  CHECK_THROWS_AS(pair.train->read(2, pixels), std::runtime_error);
}

TEST_CASE("imagefolder: missing and empty folders are named") {
  const TemporaryFolder root;
  CHECK(error_of(root / "none") ==
        "imagefolder: expected a folder of images (data.dir, --data-dir) at \"" +
            (root / "none").string() + "\"");
  CHECK(error_of(root.path()) ==
        "imagefolder: expected one folder per class in " + root.path().string() + ", got none");
  fs::create_directories(root / "train/a");
  CHECK(error_of(root.path()) == "imagefolder: expected test/ or val/ next to " +
                                     (root / "train").string() +
                                     "; data.test_dir can name another folder");
  fs::create_directories(root / "test");
  CHECK(error_of(root.path()) == "imagefolder: expected image files in the class folders of " +
                                     (root / "train").string() + ", got none");
  CHECK_THROWS_WITH_AS(open_image_folder(root.path(), {.image_size = 8, .short_side = 4}),
                       "imagefolder: expected data.resize >= data.image_size, got 4 and 8",
                       std::invalid_argument);
}
