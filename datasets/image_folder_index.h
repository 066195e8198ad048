#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quench::datasets {

/// The classes of an image folder, in the order of their labels.
struct FolderClasses {
  std::vector<std::string> folders;  ///< name of each class's folder
  std::vector<std::string> names;    ///< to show; the folder's unless labels.tsv has another
};

struct FolderFile {
  std::filesystem::path path;
  int label = 0;
};

/// Where an image folder's parts lie.
struct FolderPaths {
  std::filesystem::path train;
  std::filesystem::path test;    ///< may be `train`: then both are the same images
  std::filesystem::path labels;  ///< a labels.tsv; empty if there is none
};

/// Finds the parts below `root`: train/ and test/ (or val/) if there is a train/, else the classes lie
/// in `root` itself and serve for both; labels.tsv in `root`. What is given as `given` is taken as it
/// is; a train folder alone serves for both.
/// @throws std::runtime_error  if a folder is missing; the message says what was expected where
FolderPaths find_folders(const std::filesystem::path& root, const FolderPaths& given);

/// The classes: the lines of labels.tsv (index, folder, name, with tabs between them; a first line
/// that says so is passed over), so that a folder with some of the classes alone has the labels of
/// all; else train's folders by name.
/// @throws std::runtime_error  if there is no class, or labels.tsv is not as described, naming the
///                             line
FolderClasses read_classes(const FolderPaths& paths);

/// Those of the text of a labels.tsv. @param path  of it, for messages
FolderClasses parse_labels(std::string_view text, const std::string& path);

/// The files in the class folders below `folder`, by class and name. Hidden files and folders in a
/// class folder are passed over, any other file counts as an image.
/// @throws std::runtime_error  if there is none, or a folder that is no class
std::vector<FolderFile> list_files(const std::filesystem::path& folder,
                                   const FolderClasses& classes);

}  // namespace quench::datasets
