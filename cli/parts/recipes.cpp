#include "cli/parts/recipes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "experiments/config/config_file.h"
#include "support/error.h"
#include "support/file.h"
#include "support/suggest.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;

/// The folder with all of them: next to the program, installed or built, or where the build installs them.
fs::path recipes_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::vector<fs::path> places{program / "../share/quench/examples",  // bin/
                                     program / "../examples",               // bin/ of the tarball
                                     program / "../../examples",            // build/cli/
                                     QUENCH_EXAMPLES, "examples"};
  std::vector<std::string> names;
  for (const fs::path& place : places) {
    if (fs::exists(place / "quickstart.toml", error)) return fs::canonical(place);
    names.push_back(place.lexically_normal().string());
  }
  fail("recipes: expected them in one of {}", fmt::join(names, ", "));
}

/// The comment that `file` begins with, its lines without "# ".
std::vector<std::string> comment_of(const fs::path& file) {
  std::istringstream text(read_text(file, kMaxTextBytes));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line) && line.starts_with('#');)
    lines.push_back(line.substr(std::min<std::size_t>(2, line.size())));
  return lines;
}

/// "4-bit weights (Liu & Mattina 2019)" of "4-bit weights (Liu & Mattina 2019). Next sentence."
std::string first_sentence(const std::vector<std::string>& comment) {
  std::string text = fmt::format("{} ", fmt::join(comment, " "));
  for (std::size_t end = 0; (end = text.find_first_of(".:", end)) != std::string::npos; ++end) {
    // "et al. 2016" is no end.
    if (text[end + 1] == ' ' && !text.substr(0, end).ends_with("al")) return text.substr(0, end);
  }
  return text.substr(0, text.size() - 1);
}

std::string result_in(const std::vector<std::string>& comment) {
  constexpr std::string_view kResult = "Result: ";
  const auto line = std::ranges::find_if(
      comment, [&](const std::string& text) { return text.starts_with(kResult); });
  return line == comment.end() ? "" : line->substr(kResult.size());
}

}  // namespace

std::vector<Recipe> recipes() {
  const fs::path folder = recipes_folder();
  std::vector<Recipe> result;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    const std::vector<std::string> comment = comment_of(entry.path());
    result.push_back({.name = entry.path().lexically_relative(folder).replace_extension().string(),
                      .summary = first_sentence(comment),
                      .result = result_in(comment),
                      .file = entry.path()});
  }
  // Those of a folder of their own, which vary one of the others, come last.
  const auto place = [](const Recipe& recipe) {
    return std::pair(recipe.name.find('/') != std::string::npos, recipe.name);
  };
  std::ranges::sort(result, {}, place);
  return result;
}

std::vector<RecipeFile> files_of_recipe(const std::string& name) {
  const std::vector<Recipe> known = recipes();
  const auto recipe = std::ranges::find(known, name, &Recipe::name);
  if (recipe == known.end()) {
    std::vector<std::string> names;
    for (const Recipe& other : known) names.push_back(other.name);
    throw std::invalid_argument(
        fmt::format("unknown recipe '{}'{}", name, suggestion(name, names)));
  }
  const fs::path folder = recipes_folder();
  std::vector<RecipeFile> files;
  for (fs::path file = recipe->file; !file.empty();) {
    files.push_back({.from = file, .to = file.lexically_relative(folder)});
    const Settings settings =
        experiments::parse_settings(read_text(file, kMaxTextBytes), file.string());
    const std::string base = experiments::extended_file(settings);
    file = base.empty() ? fs::path() : (file.parent_path() / base).lexically_normal();
  }
  return files;
}

}  // namespace quench::cli
