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
  /// The number of classes, known without the images; 0: as many as found.
  int classes = 0;
  FolderPaths paths;     ///< parts that do not lie where find_folders() looks; empty: they do
  int image_size = 224;  ///< height and width of what the network sees
  int short_side = 256;  ///< evaluation: the short side before the crop; >= image_size
  DecodeOptions decode;
  bool skip_bad = false;         ///< decode every file at the start and leave out what cannot be
  int threads = 1;               ///< of that; >= 1
  std::int64_t cache_bytes = 0;  ///< decoded images are kept until they fill this; >= 0
};

/// Photographs in one folder per class, JPEG, PNG or BMP, decoded whenever they are read.
///
/// read() gives evaluation's view: short side resized, middle cropped. read_box() decodes and shows
/// the chosen part. Decoded images are kept up to cache_bytes for each of
/// the two sets, and by default not at all, so that a set of any size fits.
///
/// @throws std::invalid_argument  unless 1 <= image_size <= short_side
/// @throws std::runtime_error     as find_folders(), read_classes(), list_files(); and with skip_bad
///                                if every file was left out. A bad file otherwise throws when it is
///                                read, naming the file.
DatasetPair open_image_folder(const std::filesystem::path& root, const ImageFolderOptions& options);

/// The number of classes, without reading an image. The images need not exist if the options give
/// the number or name a list of labels. Throws as the above.
int count_image_folder_classes(const std::filesystem::path& root,
                               const ImageFolderOptions& options);

}  // namespace quench::datasets
