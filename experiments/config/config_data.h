#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "datasets/augmentation.h"
#include "datasets/image_folder.h"
#include "support/settings.h"

namespace quench::train {

/// Of keys that count something.
inline constexpr IntRange kCount{0, std::numeric_limits<std::int64_t>::max()};

/// [data]
struct DataConfig {
  std::string name = "synthetic";    ///< one of datasets::known_datasets()
  std::string dir = "data";          ///< where downloaded files lie
  std::int64_t train_size = 0;       ///< images drawn for a built-in set; 0 is its default
  std::int64_t test_size = 0;        ///< likewise
  std::int64_t validation_size = 0;  ///< training images held out to judge the run by; 0 is none
  std::vector<double> mean;          ///< per channel, in pixel units (0 to 255)
  std::vector<double> std;           ///< per channel, in pixel units; > 0
  int crop_padding = 0;              ///< pixels; 0 is no random crop
  bool horizontal_flip = false;
  std::optional<datasets::RandomCrop> random_crop;
  datasets::ColorJitter jitter;
  int loader_threads = 1;               ///< 0 is all cores
  datasets::ImageFolderOptions folder;  ///< imagefolder; its threads are the loader's

  /// Background threads that prepare batches, >= 1.
  int threads() const;
};

/// Reads [data]. Mean and std are given as numbers (`mean`, `std`) or by the name of a convention
/// (`normalize`), never both; the set's usual convention is the default. The keys of image folders
/// are read for `imagefolder` alone.
/// @throws std::invalid_argument  for wrong types and values out of range
DataConfig read_data(const Settings& settings);

}  // namespace quench::train
