#include "cli/parts/help.h"

namespace quench::command {

void add_help(Subcommand& program) {
  std::vector<std::string> names;
  for (const CommandInfo& command : program.info().subcommands) names.push_back(command.name);
  Subcommand command = program.add_subcommand("help", "Print the help of a command");
  // Nobody reads it, see resolve_help(); but the parser writes to it in "quench --help-all help train".
  static std::string word;
  command.add("COMMAND", word, "The command", {.choices = names});
}

std::vector<std::string> resolve_help(std::vector<std::string> words) {
  if (words.empty() || words[0] != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

}  // namespace quench::command
