#include "cli/parts/command_tree.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string_view>

namespace quench::cli {
namespace {

constexpr std::array<std::string_view, 2> kFolders{"DIR", "RUN"};
constexpr std::array<std::string_view, 4> kFiles{"CONFIG", "FILE", "IMAGE", "MODEL"};

template <typename Predicate>
bool any_alternative(const std::string& value, Predicate holds) {
  std::istringstream names(value);
  for (std::string name; std::getline(names, name, '|');) {
    if (holds(name)) return true;
  }
  return false;
}

void add_paths(const CommandInfo& command, const std::string& words,
               std::vector<CommandPath>& paths) {
  paths.push_back({words, &command});
  for (const CommandInfo& subcommand : command.subcommands)
    add_paths(subcommand, words + " " + subcommand.name, paths);
}

}  // namespace

bool OptionInfo::takes_files() const {
  return choices.empty() && any_alternative(value, [](const std::string& name) {
           const bool is_sample = std::islower(name[0]) != 0 && name.find('.') != std::string::npos;
           return is_sample || std::ranges::find(kFiles, name) != kFiles.end();
         });
}

bool OptionInfo::takes_folders() const {
  return any_alternative(value, [](const std::string& name) {
    return std::ranges::find(kFolders, name) != kFolders.end();
  });
}

std::vector<CommandPath> command_paths(const CommandInfo& program) {
  std::vector<CommandPath> paths;
  add_paths(program, "", paths);
  return paths;
}

}  // namespace quench::cli
