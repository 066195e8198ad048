#pragma once

#include <string>

#include "cli/parts/command_tree.h"

// Shell scripts that complete quench's command line, as `quench completion SHELL` prints them. They
// contain all words, so a shell does not need to start the program.
namespace quench::cli {

std::string bash_completion(const CommandInfo& program);
std::string fish_completion(const CommandInfo& program);
std::string zsh_completion(const CommandInfo& program);

}  // namespace quench::cli
