#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quench::cli {

/// A config that comes with the program.
struct Recipe {
  std::string name;     ///< "quickstart", "mobilenet_v1/ab_8_8"
  std::string summary;  ///< the first sentence of its first comment
  std::string result;   ///< what a comment "# Result: ..." states; may be empty
  std::filesystem::path file;
};

/// All of them, sorted by name. They are installed in share/quench/examples; a program that was built but
/// not installed finds those of its source tree.
/// @throws std::runtime_error  if they are not there, naming where they were looked for
std::vector<Recipe> recipes();

/// A file that is to be copied, and its path in the folder of the copies.
struct RecipeFile {
  std::filesystem::path from;
  std::filesystem::path to;  ///< relative
};

/// The files that the recipe needs: its config and those that it extends, one after the other. Paths
/// between them stay as they are.
/// @throws std::invalid_argument  for an unknown name; the message suggests known ones
std::vector<RecipeFile> files_of_recipe(const std::string& name);

}  // namespace quench::cli
