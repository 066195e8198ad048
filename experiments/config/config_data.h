#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "datasets/augmentation.h"
#include "datasets/image_folder.h"
#include "support/settings.h"

namespace quench::experiments {

/// The range of keys that count something.
inline constexpr IntRange kCount{0, std::numeric_limits<std::int64_t>::max()};

/// [data]
struct DataConfig {
  std::string name = "synthetic";    ///< one of datasets::known_datasets()
  std::string dir = "data";          ///< folder of downloaded files
  std::int64_t train_size = 0;       ///< images drawn for a built-in set; 0: its default
  std::int64_t test_size = 0;        ///< likewise
  std::int64_t validation_size = 0;  ///< training images held out for evaluation; 0: none
  std::vector<double> mean;          ///< per channel, in pixel units (0 to 255)
  std::vector<double> std;           ///< per channel, in pixel units; > 0
  int crop_padding = 0;              ///< pixels; 0: no random crop
  bool horizontal_flip = false;
  std::optional<datasets::RandomCrop> random_crop;
  datasets::ColorJitter jitter;
  int loader_threads = 1;               ///< 0: all cores
  datasets::ImageFolderOptions folder;  ///< for imagefolder; its threads are the loader's

  /// Background threads that prepare batches; >= 1.
  int threads() const;
};

/// Reads [data]. Mean and std are either numbers (`mean`, `std`) or the name of a convention
/// (`normalize`), not both; the default is the set's usual convention. Keys of image folders are
/// only read for `imagefolder`.
/// @throws std::invalid_argument  for wrong types and values out of range
DataConfig read_data(const Settings& settings);

}  // namespace quench::experiments
