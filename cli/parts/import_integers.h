#pragma once

#include <filesystem>
#include <string>

namespace quench::command {

/// Whether others publish this network as integers, so that it becomes a model file at once.
bool comes_as_integers(const std::string& model);

/// Writes the network as a model file (model.qnc) that knows its images and classes.
/// @param model  comes_as_integers()
void import_integers(const std::string& file, const std::string& model,
                     const std::filesystem::path& output);

}  // namespace quench::command
