#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quench::datasets {

/// The classes of an image folder, in label order.
struct FolderClasses {
  std::vector<std::string> folders;  ///< each class's folder name
  std::vector<std::string> names;    ///< display names, by default the folders'
};

struct FolderFile {
  std::filesystem::path path;
  int label = 0;
};

/// The paths of an image folder's parts.
struct FolderPaths {
  std::filesystem::path train;
  std::filesystem::path test;    ///< may equal `train`: then both are the same images
  std::filesystem::path labels;  ///< a labels.tsv; may be empty
};

/// Finds the parts below `root`. If there is a train/, the test images are in test/ or val/;
/// otherwise the classes are in `root` itself, which serves as both. labels.tsv is in `root`. Paths
/// in `given` take precedence; a train folder alone serves as both.
/// @throws std::runtime_error  if a folder is missing; the message names what was expected where
FolderPaths find_folders(const std::filesystem::path& root, const FolderPaths& given);

/// The classes. If labels.tsv exists, its lines define them (index, folder, name, separated by
/// tabs; a header line is skipped), so a folder with only some of the classes keeps the labels of
/// the full set. Otherwise they are train's folders, sorted by name.
/// @throws std::runtime_error  if there is no class, or for a malformed line of labels.tsv, which
///                             the message names
FolderClasses read_classes(const FolderPaths& paths);

/// Parses the contents of a labels.tsv. @param path  of the file, for messages
FolderClasses parse_labels(std::string_view text, const std::string& path);

/// The files in the class folders below `folder`, sorted by class and name. Hidden files and
/// folders in a class folder are skipped; any other file counts as an image.
/// @throws std::runtime_error  if there are no files, or for a folder that is not a class
std::vector<FolderFile> list_files(const std::filesystem::path& folder,
                                   const FolderClasses& classes);

}  // namespace quench::datasets
