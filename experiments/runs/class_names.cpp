#include "experiments/runs/class_names.h"

#include <algorithm>
#include <sstream>

#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {

std::string class_names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    std::ranges::replace(name, '\n', ' ');  // a folder's name may contain a line end
    text += name + '\n';
  }
  return text;
}

std::vector<std::string> class_names_from_text(const std::string& text, const std::string& path) {
  std::istringstream lines(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  if (names.empty()) fail("{}: expected one class name per line, got none", path);
  return names;
}

void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names) {
  write_file_atomically(path, class_names_text(names));
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  return class_names_from_text(read_text(path, kMaxTextBytes), path.string());
}

void require_classes(const std::filesystem::path& run, const std::vector<std::string>& names) {
  const std::filesystem::path file = run / "classes.txt";
  if (!std::filesystem::exists(file)) return;
  const std::vector<std::string> wanted = read_class_names(file);
  // In the file's form: a name in a line cannot contain a line end.
  const std::vector<std::string> found = class_names_from_text(class_names_text(names), "classes");
  const auto [w, f] = std::ranges::mismatch(wanted, found);
  if (w == wanted.end() && f == found.end()) return;
  const auto quoted = [](const auto& at, const auto& list) {
    return at == list.end() ? "missing" : "'" + *at + "'";
  };
  fail("{}: expected images of the run's classes: class {} is {} in the data and {} in the run",
       run.string(), w - wanted.begin(), quoted(f, found), quoted(w, wanted));
}

}  // namespace quench::experiments
