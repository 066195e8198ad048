#pragma once

#include <string>

#include "cli/parts/command_tree.h"

// Shell scripts that complete the command line of quench, as `quench completion SHELL` prints them. They
// hold the words themselves, so that a shell need not start the program.
namespace quench::command {

std::string bash_completion(const CommandInfo& program);
std::string fish_completion(const CommandInfo& program);
std::string zsh_completion(const CommandInfo& program);

}  // namespace quench::command
