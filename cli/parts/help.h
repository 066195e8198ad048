#pragma once

#include <string>
#include <vector>

#include "cli/parts/command_line.h"

namespace quench::command {

/// Lists "help", after all other subcommands: its words are their names.
void add_help(Subcommand& program);

/// Turns "help bench conv" into "bench conv --help", which the parser understands; others stay.
std::vector<std::string> resolve_help(std::vector<std::string> words);

}  // namespace quench::command
