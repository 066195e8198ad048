#include "train/class_names.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "core/file.h"

namespace quench::train {

std::string class_names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    std::ranges::replace(name, '\n', ' ');  // a folder's name may hold one
    text += name + '\n';
  }
  return text;
}

std::vector<std::string> class_names_from_text(const std::string& text, const std::string& path) {
  std::istringstream lines(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  if (names.empty()) fail("{}: expected the name of a class in each line, got none", path);
  return names;
}

void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names) {
  write_file_atomically(path, class_names_text(names));
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path, kMaxTextBytes);
  return class_names_from_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                               path.string());
}

}  // namespace quench::train
