#include "datasets/image_folder_index.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "support/error.h"
#include "support/file.h"

namespace quench::datasets {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;  // a folder that cannot be read counts as missing
  return fs::is_directory(path, ignored);
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

template <typename Wanted>
std::vector<fs::path> sorted_entries(const fs::path& folder, Wanted wanted) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!is_hidden(entry->path()) && wanted(*entry)) paths.push_back(entry->path());
  }
  if (error) fail("imagefolder: cannot read {} ({})", folder.string(), error.message());
  std::ranges::sort(paths);
  return paths;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  return sorted_entries(folder, [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return entry.is_directory(ignored);
  });
}

/// One line of labels.tsv: index, folder, name.
struct LabelLine {
  std::size_t index = 0;
  std::string folder, name;
};

LabelLine parse_label(const std::string& line, const std::string& where) {
  const std::size_t first = line.find('\t');
  const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
  LabelLine label;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), label.index);
  const bool complete = second != std::string::npos && second > first + 1;
  if (!complete || error != std::errc{} || end != line.data() + first) {
    fail("{}: expected index, folder and name separated by tabs, got '{}'", where, line);
  }
  label.folder = line.substr(first + 1, second - first - 1);
  label.name = line.substr(second + 1);
  if (!label.name.empty() && label.name.back() == '\r') label.name.pop_back();
  return label;
}

fs::path require_folder(const fs::path& path, const char* what) {
  if (!is_folder(path)) fail("imagefolder: expected {} at \"{}\"", what, path.string());
  return path;
}

/// The folder of the test images of `root`.
fs::path find_test(const fs::path& root) {
  for (const char* name : {"test", "val"}) {
    if (is_folder(root / name)) return root / name;
  }
  fail("imagefolder: expected test/ or val/ next to {}; data.test_dir can name another folder",
       (root / "train").string());
}

}  // namespace

FolderClasses parse_labels(std::string_view text, const std::string& path) {
  FolderClasses classes;
  for (int number = 1; !text.empty(); ++number) {
    const std::string line(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const bool heading = number == 1 && line.starts_with("index\t");
    if (line.empty() || heading) continue;
    const std::string where = fmt::format("{}:{}", path, number);
    LabelLine label = parse_label(line, where);
    if (label.index != classes.folders.size())
      fail("{}: expected index {}, got {}", where, classes.folders.size(), label.index);
    classes.folders.push_back(std::move(label.folder));
    classes.names.push_back(std::move(label.name));
  }
  if (classes.folders.empty()) fail("{}: expected at least one class, got none", path);
  return classes;
}

FolderPaths find_folders(const fs::path& root, const FolderPaths& given) {
  FolderPaths paths = given;
  if (paths.train.empty()) {
    require_folder(root, "a folder of images (data.dir, --data-dir)");
    const bool flat = !is_folder(root / "train");
    paths.train = flat ? root : root / "train";
    if (paths.test.empty()) paths.test = flat ? root : find_test(root);
  }
  if (paths.test.empty()) paths.test = paths.train;
  require_folder(paths.train, "the folder data.train_dir");
  require_folder(paths.test, "the folder data.test_dir");
  if (paths.labels.empty() && fs::exists(root / "labels.tsv")) paths.labels = root / "labels.tsv";
  return paths;
}

FolderClasses read_classes(const FolderPaths& paths) {
  if (!paths.labels.empty())
    return parse_labels(read_text(paths.labels, kMaxTextBytes), paths.labels.string());
  FolderClasses classes;
  for (const fs::path& folder : folders_in(paths.train)) {
    classes.folders.push_back(folder.filename().string());
  }
  if (classes.folders.empty())
    fail("imagefolder: expected one folder per class in {}, got none", paths.train.string());
  classes.names = classes.folders;
  return classes;
}

std::vector<FolderFile> list_files(const fs::path& folder, const FolderClasses& classes) {
  std::vector<FolderFile> files;
  for (const fs::path& path : folders_in(folder)) {
    const std::string name = path.filename().string();
    const auto found = std::ranges::find(classes.folders, name);
    if (found == classes.folders.end()) {
      fail("imagefolder: {}: expected the folder of one of the {} classes", path.string(),
           classes.folders.size());
    }
    const auto label = static_cast<int>(found - classes.folders.begin());
    for (fs::path& file : sorted_entries(path, [](const fs::directory_entry& entry) {
           std::error_code ignored;
           return entry.is_regular_file(ignored);
         })) {
      files.push_back({.path = std::move(file), .label = label});
    }
  }
  if (files.empty()) {
    fail("imagefolder: expected image files in the class folders of {}, got none", folder.string());
  }
  return files;
}

}  // namespace quench::datasets
