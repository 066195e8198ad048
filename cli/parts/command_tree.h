#pragma once

#include <list>
#include <string>
#include <vector>

// What the program accepts, for what is generated from it: shell completion and the manual page.
namespace quench::command {

/// An option, a flag or a positional.
struct OptionInfo {
  std::vector<std::string> names;  ///< "-o", "--output"; of a positional its name in capitals, RUN
  std::string value;               ///< what it takes, "DIR" or "last|best"; empty for a flag
  std::string help;
  std::vector<std::string> choices = {};  ///< empty: any
  bool required = false;
  bool repeats = false;  ///< may be given several times

  bool is_positional() const { return !names[0].starts_with('-'); }
  /// Whether a shell completes the value with files or with folders. The name in the help decides:
  /// DIR and RUN are folders; FILE, CONFIG, IMAGE, MODEL and model.qnc are files.
  bool takes_files() const;
  bool takes_folders() const;
};

struct CommandInfo {
  std::string name;
  std::string summary;
  std::vector<OptionInfo> options = {};
  std::list<CommandInfo> subcommands = {};  ///< a list: those that are added keep their addresses
};

/// A command and the words that lead to it, each after a space: "" for the program, " bench train".
struct CommandPath {
  std::string words;
  const CommandInfo* command;
};

/// All commands, each before its subcommands.
std::vector<CommandPath> command_paths(const CommandInfo& program);

}  // namespace quench::command
