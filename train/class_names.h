#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quench::train {

/// The names of a run's classes, one line each in the order of their labels, so that the run tells
/// what it sees without its data set. @throws std::runtime_error  if the file cannot be written
void write_class_names(const std::filesystem::path& path, const std::vector<std::string>& names);

/// @throws std::runtime_error  if the file cannot be read or is empty
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace quench::train
