#include "experiments/config/config_data.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "support/settings.h"

using namespace quench;
using namespace quench::experiments;

namespace {

std::string error_of(const Settings& settings) {
  try {
    read_data(settings);
    settings.finish();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("config: a named convention gives mean and std; the default is the set's own") {
  CHECK(read_data(Settings::from({{"normalize", "unit"}})).std ==
        std::vector<double>{255.0, 255.0, 255.0});
  CHECK(read_data(Settings::from({{"name", "cifar10"}})).mean ==
        std::vector<double>{125.3, 123.0, 113.9});
  CHECK(read_data(Settings::from({{"name", "imagefolder"}})).mean[0] ==
        doctest::Approx(0.485 * 255));
  const DataConfig numbers =
      read_data(Settings::from({{"mean", std::vector<double>{1.0, 2.0, 3.0}}}));
  CHECK(numbers.mean == std::vector<double>{1.0, 2.0, 3.0});
  CHECK(numbers.std == std::vector<double>{127.5, 127.5, 127.5});
}

TEST_CASE("config: a convention and numbers conflict, and the resolved config can be read back") {
  CHECK(error_of(
            Settings::from({{"normalize", "tf"}, {"std", std::vector<double>{1.0, 1.0, 1.0}}})) ==
        "<settings>: normalize: expected either this or numbers in mean and std, not both, got "
        "\"tf\"");
  const Settings settings;
  read_data(settings);
  CHECK(settings.resolved().find("normalize = \"tf\"") != std::string::npos);
  CHECK(settings.resolved().find("mean") == std::string::npos);
}

TEST_CASE("config: random parts and colours") {
  const DataConfig data = read_data(Settings::from({{"random_crop", true},
                                                    {"crop_scale", std::vector<double>{0.5, 0.9}},
                                                    {"brightness", 0.4},
                                                    {"hue", 0.1}}));
  REQUIRE(data.random_crop.has_value());
  CHECK(data.random_crop->min_scale == 0.5);
  CHECK(data.random_crop->max_scale == 0.9);
  CHECK(data.random_crop->max_ratio == doctest::Approx(4.0 / 3.0));
  CHECK(data.jitter.brightness == 0.4);
  CHECK(data.jitter.hue == 0.1);
  CHECK_FALSE(read_data(Settings()).random_crop.has_value());
  CHECK(error_of(Settings::from(
            {{"random_crop", true}, {"crop_scale", std::vector<double>{0.9, 0.5}}})) ==
        "<settings>: crop_scale: expected [smallest, largest], got [0.9, 0.5]");
}

TEST_CASE("config: keys of image folders belong to image folders") {
  const DataConfig data =
      read_data(Settings::from({{"name", "imagefolder"}, {"image_size", 96}, {"test_dir", "x"}}));
  CHECK(data.folder.image_size == 96);
  CHECK(data.folder.short_side == 110);  // 96 / 0.875
  CHECK(data.folder.paths.test == "x");
  CHECK(data.folder.threads >= 1);
  CHECK(read_data(Settings::from({{"name", "imagefolder"}})).folder.short_side == 256);
  CHECK(read_data(Settings::from({{"name", "imagefolder"}, {"classes", 7}})).folder.classes == 7);
  CHECK(error_of(Settings::from({{"name", "cifar10"}, {"image_size", 96}})).find("image_size") !=
        std::string::npos);
  CHECK(error_of(Settings::from({{"name", "imagefolder"}, {"resize", 200}})) ==
        "<settings>: resize: expected an integer in 224..32768, got 200");
}
