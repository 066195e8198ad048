#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/image_folder.h"

namespace quench::datasets {

/// The images that a run trains on and is tested with.
struct DatasetSpec {
  std::string name;                ///< one of known_datasets()
  std::filesystem::path data_dir;  ///< folder of downloaded files; unused by built-in sets
  std::uint64_t seed = 0;          ///< for a built-in set's images; unused by downloaded ones
  std::int64_t train_size = 0;     ///< images to draw for a built-in set; 0: its default
  std::int64_t test_size = 0;      ///< likewise
  ImageFolderOptions folder;       ///< for imagefolder
};

struct DatasetEntry {
  std::string name;
  std::string description;    ///< one line, for lists and help
  int channels = 3;           ///< of the images
  std::string normalization;  ///< the default, see normalization()
};

/// All sets that load_dataset() accepts, in the order of its table.
std::vector<DatasetEntry> known_datasets();

/// The shape of a set's images; no file needs to exist.
/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones)
ImageShape dataset_image_shape(const DatasetSpec& spec);

/// The shape of a set's images and its number of classes, without loading it.
/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones)
/// @throws std::runtime_error     if folders that define the classes are missing
DatasetFormat dataset_format(const DatasetSpec& spec);

/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones) or a
///                                size is negative
/// @throws std::runtime_error     if files are missing or damaged (the message names the file)
DatasetPair load_dataset(const DatasetSpec& spec);

}  // namespace quench::datasets
