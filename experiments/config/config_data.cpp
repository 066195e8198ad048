#include "experiments/config/config_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <tuple>

#include "core/parallel.h"
#include "datasets/registry.h"
#include "datasets/transform.h"

namespace quench::experiments {
namespace {

constexpr Range kDeviation{1e-6, 255.0};  // pixels are divided by it in float32
constexpr IntRange kSide{1, 16384};
constexpr IntRange kPixels{1, std::int64_t{1} << 31};

int read_int(const Settings& s, const SettingKey& key, int fallback, IntRange range) {
  return static_cast<int>(s.integer(key, fallback, range));
}

datasets::DatasetEntry read_set(const Settings& s, const std::string& fallback) {
  const std::vector<datasets::DatasetEntry> entries = datasets::known_datasets();
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  const std::string name = s.choice({"name", "the images (quench list datasets)"}, fallback, names);
  return *std::ranges::find(entries, name, &datasets::DatasetEntry::name);
}

void read_numbers(const Settings& s, const datasets::DatasetEntry& set, DataConfig& data) {
  const auto usual = datasets::normalization(set.normalization, set.channels);
  data.mean = s.numbers({"mean",
                         "mean of each channel, in pixel values from 0 to 255; give it with std "
                         "instead of normalize"},
                        usual.mean, {0.0, 255.0});
  data.std = s.numbers({"std", "standard deviation of each channel, in pixel values"}, usual.std,
                       kDeviation);
  const auto channels = static_cast<std::size_t>(set.channels);
  const std::string expected = fmt::format("{} number{}, one per channel of {}", channels,
                                           channels == 1 ? "" : "s", set.name);
  if (data.mean.size() != channels) s.reject("mean", expected);
  if (data.std.size() != channels) s.reject("std", expected);
}

void read_normalization(const Settings& s, const datasets::DatasetEntry& set, DataConfig& data) {
  const bool numbers = s.has("mean") || s.has("std");
  if (numbers && s.has("normalize"))
    s.reject("normalize", "either this or numbers in mean and std, not both");
  if (numbers) return read_numbers(s, set, data);
  const std::string name =
      s.choice({"normalize", "a usual mean and standard deviation"}, set.normalization,
               datasets::known_normalizations(set.channels));
  const datasets::Normalization normalization = datasets::normalization(name, set.channels);
  data.mean = normalization.mean;
  data.std = normalization.std;
}

/// Two numbers, the smaller first.
std::pair<double, double> read_bounds(const Settings& s, const SettingKey& key, double low,
                                      double high, Range range) {
  const std::vector<double> bounds = s.numbers(key, {low, high}, range);
  if (bounds.size() != 2 || bounds[0] > bounds[1]) s.reject(key.name, "[smallest, largest]");
  return {bounds[0], bounds[1]};
}

std::optional<datasets::RandomCrop> read_random_crop(const Settings& s) {
  if (!s.boolean({"random_crop", "train on random parts of the images, resized"}, false)) {
    s.allow("crop_scale");
    s.allow("crop_ratio");
    return std::nullopt;
  }
  datasets::RandomCrop crop;
  std::tie(crop.min_scale, crop.max_scale) =
      read_bounds(s, {"crop_scale", "random_crop: smallest and largest share of the area"},
                  crop.min_scale, crop.max_scale, above(0.0, 1.0));
  std::tie(crop.min_ratio, crop.max_ratio) =
      read_bounds(s, {"crop_ratio", "random_crop: smallest and largest width / height"},
                  crop.min_ratio, crop.max_ratio, above(0.0));
  return crop;
}

datasets::ColorJitter read_jitter(const Settings& s, int channels) {
  constexpr Range kFactor{0.0, 100.0};
  datasets::ColorJitter jitter;
  jitter.brightness =
      s.number({"brightness", "color jitter: the largest change of brightness; 0 is off"},
               jitter.brightness, kFactor);
  jitter.contrast = s.number({"contrast", "color jitter: the largest change of contrast"},
                             jitter.contrast, kFactor);
  const bool colored = channels == 3;
  jitter.saturation = s.number({"saturation", "color jitter: the largest change of saturation"},
                               jitter.saturation, colored ? kFactor : Range{0, 0});
  jitter.hue =
      s.number({"hue", "color jitter: the largest turn of the colour circle, 0.5 being half of it"},
               jitter.hue, colored ? Range{0.0, 0.5} : Range{0, 0});
  return jitter;
}

datasets::ImageFolderOptions read_folder(const Settings& s) {
  datasets::ImageFolderOptions folder;
  folder.paths = {
      .train =
          s.text({"train_dir", "folder of the training images, if it is not train/ in dir"}, ""),
      .test =
          s.text({"test_dir", "folder of the test images, if it is not val/ or test/ in dir"}, ""),
      .labels =
          s.text({"labels", "file that lists the classes, if folders are not to be counted"}, "")};
  folder.classes = read_int(
      s,
      {"classes", "number of classes, to build a network without reading images; 0 counts folders"},
      folder.classes, {0, 1 << 20});
  folder.image_size = read_int(s, {"image_size", "height and width of what the network sees"},
                               folder.image_size, kSide);
  // The field's usual margin: 256 for a crop of 224.
  const auto with_margin = static_cast<int>(std::lround(folder.image_size / 0.875));
  folder.short_side = read_int(s,
                               {"resize",
                                "evaluation: short side before the middle is cut out, at least "
                                "image_size; default image_size / 0.875"},
                               with_margin, {folder.image_size, 2 * kSide.max});
  folder.decode.exif_rotation = s.boolean(
      {"exif_rotation", "turn photographs as their EXIF data say"}, folder.decode.exif_rotation);
  folder.decode.max_pixels =
      s.integer({"max_pixels", "largest image that is decoded"}, folder.decode.max_pixels, kPixels);
  folder.skip_bad = s.boolean(
      {"skip_bad", "leave out files that cannot be decoded, instead of an error"}, folder.skip_bad);
  folder.cache_bytes =
      s.integer({"cache_mb", "memory for decoded images, in MiB, of each of the two sets"}, 0,
                {0, std::int64_t{1} << 30})
      << 20;
  return folder;
}

}  // namespace

int DataConfig::threads() const {
  if (loader_threads > 0) return loader_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

DataConfig read_data(const Settings& s) {
  DataConfig data;
  const datasets::DatasetEntry set = read_set(s, data.name);
  data.name = set.name;
  data.dir = s.text({"dir",
                     "folder of the files; --data-dir and QUENCH_DATA take precedence; relative to "
                     "the folder of the command"},
                    data.dir);
  data.train_size =
      s.integer({"train_size", "synthetic: training images to draw; 0 is the default"},
                data.train_size, kCount);
  data.test_size = s.integer({"test_size", "synthetic: test images to draw; 0 is the default"},
                             data.test_size, kCount);
  data.validation_size = s.integer(
      {"validation_size", "training images held out to judge the run; 0 judges by the test images"},
      data.validation_size, kCount);
  read_normalization(s, set, data);
  data.crop_padding =
      read_int(s, {"crop_padding", "training: pixels of padding before a random crop; 0 is off"},
               data.crop_padding, {0, 1024});
  data.horizontal_flip =
      s.boolean({"horizontal_flip", "training: mirror half of the images"}, data.horizontal_flip);
  data.random_crop = read_random_crop(s);
  data.jitter = read_jitter(s, set.channels);
  const bool decodes = data.name == "imagefolder";
  data.loader_threads =
      read_int(s, {"loader_threads", "threads that prepare batches; 0 takes all cores"},
               decodes ? 0 : 1, {0, kMaxThreads});
  if (decodes) data.folder = read_folder(s);
  data.folder.threads = data.threads();
  return data;
}

}  // namespace quench::experiments
