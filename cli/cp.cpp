#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/parts/recipes.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;

struct CpOptions {
  std::string recipe;
  std::string folder = ".";
};

/// Where the files go, without those that are there already: recipes that extend one file share it.
/// @throws std::invalid_argument  for the recipe itself, and for a file that is another one
std::vector<RecipeFile> files_to_write(const CpOptions& options) {
  const fs::path folder = options.folder;
  std::error_code error;
  require(!fs::exists(folder, error) || fs::is_directory(folder, error),
          "cp: expected a folder to copy to, got the file {}", options.folder);
  std::vector<RecipeFile> files;
  for (RecipeFile& file : files_of_recipe(options.recipe)) {
    file.to = folder / file.to;
    const bool is_there = fs::exists(file.to, error);
    const bool is_shared = is_there && file.from.stem() != fs::path(options.recipe).stem() &&
                           read_text(file.from) == read_text(file.to);
    require(!is_there || is_shared,
            "cp: {} exists; remove it, or give another folder: quench cp {} DIR", file.to.string(),
            options.recipe);
    if (!is_there) files.push_back(file);
  }
  return files;
}

void cp(const CpOptions& options) {
  const std::vector<RecipeFile> files = files_to_write(options);
  for (const RecipeFile& file : files) {
    fs::create_directories(file.to.parent_path());
    write_file_atomically(file.to, read_text(file.from, kMaxTextBytes));
    fmt::print("{}\n", file.to.lexically_normal().string());
  }
}

}  // namespace

void add_cp(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "cp", "Copy a recipe, and the configs that it extends, to a folder (quench list recipes)");
  const auto options = std::make_shared<CpOptions>();
  command.add("NAME", options->recipe, "The recipe, e.g. quickstart", {.required = true});
  command.add("DIR", options->folder, "The folder to copy to (default: this one)");
  command.run([options] { cp(*options); });
}

}  // namespace quench::cli
