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

int read_int(const Settings& s, std::string_view key, int fallback, IntRange range) {
  return static_cast<int>(s.integer(key, fallback, range));
}

datasets::DatasetEntry read_set(const Settings& s, const std::string& fallback) {
  const std::vector<datasets::DatasetEntry> entries = datasets::known_datasets();
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  const std::string name = s.choice("name", fallback, names);
  return *std::ranges::find(entries, name, &datasets::DatasetEntry::name);
}

void read_numbers(const Settings& s, const datasets::DatasetEntry& set, DataConfig& data) {
  const auto usual = datasets::normalization(set.normalization, set.channels);
  data.mean = s.numbers("mean", usual.mean, {0.0, 255.0});
  data.std = s.numbers("std", usual.std, kDeviation);
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
      s.choice("normalize", set.normalization, datasets::known_normalizations(set.channels));
  const datasets::Normalization normalization = datasets::normalization(name, set.channels);
  data.mean = normalization.mean;
  data.std = normalization.std;
}

/// Two numbers, the smaller first.
std::pair<double, double> read_bounds(const Settings& s, std::string_view key, double low,
                                      double high, Range range) {
  const std::vector<double> bounds = s.numbers(key, {low, high}, range);
  if (bounds.size() != 2 || bounds[0] > bounds[1]) s.reject(key, "[smallest, largest]");
  return {bounds[0], bounds[1]};
}

std::optional<datasets::RandomCrop> read_random_crop(const Settings& s) {
  if (!s.boolean("random_crop", false)) {
    s.allow("crop_scale");
    s.allow("crop_ratio");
    return std::nullopt;
  }
  datasets::RandomCrop crop;
  std::tie(crop.min_scale, crop.max_scale) =
      read_bounds(s, "crop_scale", crop.min_scale, crop.max_scale, above(0.0, 1.0));
  std::tie(crop.min_ratio, crop.max_ratio) =
      read_bounds(s, "crop_ratio", crop.min_ratio, crop.max_ratio, above(0.0));
  return crop;
}

datasets::ColorJitter read_jitter(const Settings& s, int channels) {
  constexpr Range kFactor{0.0, 100.0};
  datasets::ColorJitter jitter;
  jitter.brightness = s.number("brightness", jitter.brightness, kFactor);
  jitter.contrast = s.number("contrast", jitter.contrast, kFactor);
  const bool colored = channels == 3;
  jitter.saturation = s.number("saturation", jitter.saturation, colored ? kFactor : Range{0, 0});
  jitter.hue = s.number("hue", jitter.hue, colored ? Range{0.0, 0.5} : Range{0, 0});
  return jitter;
}

datasets::ImageFolderOptions read_folder(const Settings& s) {
  datasets::ImageFolderOptions folder;
  folder.paths = {.train = s.text("train_dir", ""),
                  .test = s.text("test_dir", ""),
                  .labels = s.text("labels", "")};
  folder.classes = read_int(s, "classes", folder.classes, {0, 1 << 20});
  folder.image_size = read_int(s, "image_size", folder.image_size, kSide);
  // The field's usual margin: 256 for a crop of 224.
  const auto with_margin = static_cast<int>(std::lround(folder.image_size / 0.875));
  folder.short_side = read_int(s, "resize", with_margin, {folder.image_size, 2 * kSide.max});
  folder.decode.exif_rotation = s.boolean("exif_rotation", folder.decode.exif_rotation);
  folder.decode.max_pixels = s.integer("max_pixels", folder.decode.max_pixels, kPixels);
  folder.skip_bad = s.boolean("skip_bad", folder.skip_bad);
  folder.cache_bytes = s.integer("cache_mb", 0, {0, std::int64_t{1} << 30}) << 20;
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
  data.dir = s.text("dir", data.dir);
  data.train_size = s.integer("train_size", data.train_size, kCount);
  data.test_size = s.integer("test_size", data.test_size, kCount);
  data.validation_size = s.integer("validation_size", data.validation_size, kCount);
  read_normalization(s, set, data);
  data.crop_padding = read_int(s, "crop_padding", data.crop_padding, {0, 1024});
  data.horizontal_flip = s.boolean("horizontal_flip", data.horizontal_flip);
  data.random_crop = read_random_crop(s);
  data.jitter = read_jitter(s, set.channels);
  const bool decodes = data.name == "imagefolder";
  data.loader_threads = read_int(s, "loader_threads", decodes ? 0 : 1, {0, kMaxThreads});
  if (decodes) data.folder = read_folder(s);
  data.folder.threads = data.threads();
  return data;
}

}  // namespace quench::experiments
