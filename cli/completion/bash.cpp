#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion/completion.h"

namespace quench::cli {
namespace {

constexpr const char* kBashBeginning =
    R"(# bash completion of quench, made by: quench completion bash

_quench() {
  local current=$2 previous=$3 command='' word words='' files=false folders=false
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
)";

constexpr const char* kBashValues = R"() command+=" $word" ;;
    esac
  done
  case "$command $previous" in
)";

constexpr const char* kBashCommands = R"(    *) case "$command" in
)";

constexpr const char* kBashEnd = R"(    esac
  esac
  mapfile -t COMPREPLY < <(
    compgen -W "$words" -- "$current"
    if $files; then compgen -f -- "$current"; elif $folders; then compgen -d -- "$current"; fi
  )
  if $files || $folders; then compopt -o filenames 2>/dev/null; fi
}
complete -F _quench quench
)";

/// A case pattern that matches any of `words`; quoted because they contain spaces.
std::string pattern(const std::vector<std::string>& words) {
  return fmt::format("'{}'", fmt::join(words, "'|'"));
}

/// The assignments for an option's value or a positional.
std::string assignments(const OptionInfo& option) {
  std::string text;
  if (!option.choices.empty()) text += fmt::format(" words+=' {}'", fmt::join(option.choices, " "));
  if (option.takes_files()) text += " files=true";
  if (option.takes_folders()) text += " folders=true";
  return text;
}

/// Completions after a command: its subcommands and positionals, and after a dash its options.
std::string words_after(const CommandInfo& command) {
  std::vector<std::string> options, subcommands;
  std::string positionals;
  for (const OptionInfo& option : command.options) {
    if (option.is_positional()) {
      positionals += assignments(option);
    } else {
      options.insert(options.end(), option.names.begin(), option.names.end());
    }
  }
  for (const CommandInfo& subcommand : command.subcommands) subcommands.push_back(subcommand.name);
  return fmt::format("if [[ $current == -* ]]; then words='{}'; else words='{}'{}; fi",
                     fmt::join(options, " "), fmt::join(subcommands, " "), positionals);
}

}  // namespace

std::string bash_completion(const CommandInfo& program) {
  std::vector<std::string> paths;
  std::string values, commands;
  for (const auto& [words, command] : command_paths(program)) {
    if (!words.empty()) paths.push_back(words);
    for (const OptionInfo& option : command->options) {
      if (option.is_positional() || option.value.empty()) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) patterns.push_back(words + " " + name);
      values += fmt::format("    {}){} ;;\n", pattern(patterns), assignments(option));
    }
    commands += fmt::format("      '{}') {} ;;\n", words, words_after(*command));
  }
  return kBashBeginning + ("      " + pattern(paths)) + kBashValues + values + kBashCommands +
         commands + kBashEnd;
}

}  // namespace quench::cli
