#include "train/class_names.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "core/file.h"

namespace quench::train {

void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    std::ranges::replace(name, '\n', ' ');  // a folder's name may hold one
    text += name + '\n';
  }
  write_file_atomically(path, text);
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) names.push_back(line);
  if (names.empty()) fail("{}: expected the name of a class in each line, got none", path.string());
  return names;
}

}  // namespace quench::train
