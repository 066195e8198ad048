#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quench::experiments {

/// The names of a network's classes, one per line, in label order.
std::string class_names_text(const std::vector<std::string>& names);
/// @param path  the source of the text, for messages
/// @throws std::runtime_error  if it is empty
std::vector<std::string> class_names_from_text(const std::string& text, const std::string& path);

/// Writes the names as a file of a run, which then does not need its data set to report classes.
/// @throws std::runtime_error  if the file cannot be written
void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names);

/// Rejects images whose classes differ from the run's: their labels would have another meaning.
/// @param run    a run folder; without classes.txt, it accepts any names
/// @param names  the data set's class names
/// @throws std::runtime_error  naming the first class that differs
void require_classes(const std::filesystem::path& run, const std::vector<std::string>& names);

/// @throws std::runtime_error  if the file cannot be read or is empty
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace quench::experiments
