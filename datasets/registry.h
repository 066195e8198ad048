#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/image_folder.h"

namespace quench::datasets {

/// Which images a run trains on and is tested with.
struct DatasetSpec {
  std::string name;                ///< one of known_datasets()
  std::filesystem::path data_dir;  ///< where downloaded files lie; unused by built-in sets
  std::uint64_t seed = 0;          ///< of a built-in set's images; unused by downloaded ones
  std::int64_t train_size = 0;     ///< images to draw for a built-in set; 0 is its default
  std::int64_t test_size = 0;      ///< likewise
  ImageFolderOptions folder;       ///< of imagefolder
};

struct DatasetEntry {
  std::string name;
  std::string description;    ///< one line, for lists and help
  int channels = 3;           ///< of its images
  std::string normalization;  ///< the usual one, see normalization.h
};

/// All sets that load_dataset() knows, in the order of its table.
std::vector<DatasetEntry> known_datasets();

/// The shape of a set's images, for which no file has to be there.
/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones)
ImageShape dataset_image_shape(const DatasetSpec& spec);

/// The shape of a set's images and the number of its classes, without loading it.
/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones)
/// @throws std::runtime_error     if the folders that tell them are missing
DatasetFormat dataset_format(const DatasetSpec& spec);

/// @throws std::invalid_argument  if the name is unknown (the message lists the known ones) or a
///                                size is negative
/// @throws std::runtime_error     if files are missing or damaged (the message names the file)
DatasetPair load_dataset(const DatasetSpec& spec);

}  // namespace quench::datasets
