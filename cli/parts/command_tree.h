#pragma once

#include <list>
#include <string>
#include <vector>

// The command line that the program accepts, for shell completion and the manual page.
namespace quench::cli {

/// An option, a flag or a positional.
struct OptionInfo {
  std::vector<std::string> names;  ///< "-o", "--output"; for a positional its name in capitals, RUN
  std::string value;               ///< its value, "DIR" or "last|best"; empty for a flag
  std::string help;
  std::vector<std::string> choices = {};  ///< empty: any
  bool required = false;
  bool repeats = false;  ///< may be given several times

  bool is_positional() const { return !names[0].starts_with('-'); }
  /// Whether a shell completes the value with files or with folders. The value's name decides: DIR
  /// and RUN are folders; FILE, CONFIG, IMAGE, MODEL and model.qnc are files.
  bool takes_files() const;
  bool takes_folders() const;
};

struct CommandInfo {
  std::string name;
  std::string summary;
  std::vector<OptionInfo> options = {};
  std::list<CommandInfo> subcommands = {};  ///< a list, so that addresses stay valid
};

/// A command and the words that select it, each preceded by a space: "" for the program,
/// " bench train".
struct CommandPath {
  std::string words;
  const CommandInfo* command;
};

/// All commands, each before its subcommands.
std::vector<CommandPath> command_paths(const CommandInfo& program);

}  // namespace quench::cli
