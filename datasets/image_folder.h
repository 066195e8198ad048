#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/decoding/decode_image.h"
#include "datasets/image_folder_index.h"

namespace quench::datasets {

struct ImageFolderOptions {
  /// The number of classes, given without the images; 0: count them.
  int classes = 0;
  FolderPaths paths;     ///< paths that find_folders() would not find; empty: it finds them
  int image_size = 224;  ///< height and width of the network's input
  int short_side = 256;  ///< evaluation: the short side before the crop; >= image_size
  DecodeOptions decode;
  bool skip_bad = false;         ///< decode every file at the start and leave out those that fail
  int threads = 1;               ///< for that; >= 1
  std::int64_t cache_bytes = 0;  ///< cache size for decoded images; >= 0
};

/// Photographs in one folder per class, JPEG, PNG or BMP, decoded whenever they are read.
///
/// read() returns the view for evaluation: short side resized, centre cropped. read_box() decodes
/// and returns the chosen part. Each of the two sets caches up to cache_bytes of decoded images;
/// the default is no cache, so a set of any size fits in memory.
///
/// @throws std::invalid_argument  unless 1 <= image_size <= short_side
/// @throws std::runtime_error     as find_folders(), read_classes() and list_files(); with
///                                skip_bad, also if every file was left out. Otherwise a bad file
///                                throws when it is read; the message names it.
DatasetPair open_image_folder(const std::filesystem::path& root, const ImageFolderOptions& options);

/// The number of classes, without reading an image. If the options give the number or a list of
/// labels, the images need not exist. Throws as open_image_folder().
int count_image_folder_classes(const std::filesystem::path& root,
                               const ImageFolderOptions& options);

}  // namespace quench::datasets
