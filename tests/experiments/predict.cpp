#include "experiments/predict.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

#include "datasets/image_files.h"
#include "experiments/runs/class_names.h"
#include "support/settings.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

ExperimentConfig config_of(std::initializer_list<Settings::Entry> data) {
  return read_experiment(Settings::from({{"model", Settings::from({{"name", "binarynet"}})},
                                         {"data", Settings::from(data)}}),
                         "test");
}

/// Columns of the colour (4x, 8x, 12x).
std::vector<std::uint8_t> ramp(int width, int height) {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) {
    for (const int slope : {1, 2, 3})
      pixels.push_back(static_cast<std::uint8_t>(slope * (i % width)));
  }
  return pixels;
}

}  // namespace

TEST_CASE("predict: an image is converted as in evaluation of the run's set") {
  const TemporaryFolder folder;
  datasets::write_bytes(folder / "a.bmp", datasets::bmp_file(64, 32, ramp(64, 32)));
  const Tensor unit =
      load_image(config_of({{"name", "cifar10"}, {"normalize", "unit"}}), folder / "a.bmp");
  CHECK(unit.shape() == Shape{1, 3, 32, 32});
  // The short side already has 32 pixels: the centre begins at column 16.
  CHECK(unit.span()[0] == 16.0f / 255.0f);
  CHECK(unit.span()[2] == 48.0f / 255.0f);
  CHECK(unit.span()[3] == 17.0f / 255.0f);

  const Tensor cropped = load_image(
      config_of(
          {{"name", "imagefolder"}, {"image_size", 16}, {"resize", 32}, {"normalize", "unit"}}),
      folder / "a.bmp");
  CHECK(cropped.shape() == Shape{1, 3, 16, 16});
  CHECK(cropped.span()[0] == 24.0f / 255.0f);
}

TEST_CASE("predict: a set of one channel gets the luma") {
  const TemporaryFolder folder;
  datasets::write_bytes(folder / "a.bmp", datasets::bmp_file(28, 28, ramp(28, 28)));
  const Tensor image =
      load_image(config_of({{"name", "mnist"}, {"normalize", "unit"}}), folder / "a.bmp");
  CHECK(image.shape() == Shape{1, 1, 28, 28});
  // 0.299 * 20 + 0.587 * 40 + 0.114 * 60 = 36.3
  CHECK(image.span()[20] == 36.0f / 255.0f);
}

TEST_CASE("predict: classes by descending probability, equal ones by label") {
  Tensor logits({1, 4});
  const float values[] = {0.0f, std::log(4.0f), 0.0f, std::log(2.0f)};
  std::copy(std::begin(values), std::end(values), logits.data());
  const std::vector<Prediction> top = most_probable(logits, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].label == 1);
  CHECK(top[0].probability == doctest::Approx(0.5));
  CHECK(top[1].label == 3);
  CHECK(top[1].probability == doctest::Approx(0.25));
  CHECK(top[2].label == 0);
  CHECK(most_probable(logits, 9).size() == 4);
  CHECK_THROWS_WITH_AS(most_probable(Tensor({2, 4}), 1),
                       "most_probable: expected logits [1, classes], got [2, 4]",
                       std::invalid_argument);
}

TEST_CASE("predict: class names are read as they were written") {
  const TemporaryFolder folder;
  write_class_names(folder / "classes.txt", {"tench, Tinca tinca", "two\nlines", ""});
  CHECK(read_class_names(folder / "classes.txt") ==
        std::vector<std::string>{"tench, Tinca tinca", "two lines", ""});
  std::ofstream(folder / "empty.txt").close();
  CHECK_THROWS_AS(read_class_names(folder / "empty.txt"), std::runtime_error);
}
