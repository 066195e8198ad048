#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quench::train {

/// The names of a network's classes, one line each in the order of their labels.
std::string class_names_text(const std::vector<std::string>& names);
/// @param path  of the file that holds the text, for messages
/// @throws std::runtime_error  if it is empty
std::vector<std::string> class_names_from_text(const std::string& text, const std::string& path);

/// As a file of a run, so that it tells what it sees without its data set.
/// @throws std::runtime_error  if the file cannot be written
void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names);

/// Refuses images whose classes are not those of a run: their labels would mean something else.
/// @param run    a run folder; one without classes.txt accepts any
/// @param names  of the data set's classes
/// @throws std::runtime_error  naming the first class that differs
void require_classes(const std::filesystem::path& run, const std::vector<std::string>& names);

/// @throws std::runtime_error  if the file cannot be read or is empty
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace quench::train
