#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion/completion.h"

namespace quench::cli {
namespace {

constexpr const char* kZshBeginning = R"(#compdef quench
# zsh completion of quench, made by: quench completion zsh

_quench() {
  local command='' word
  local -a subcommands
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$command $word" in
)";

constexpr const char* kZshCommands = R"() command+=" $word" ;;
      *) break ;;
    esac
  done
  # _arguments takes the innermost command for the program.
  local -a levels=(${=command})
  shift $#levels words
  (( CURRENT -= $#levels ))
  case "$command" in
)";

constexpr const char* kZshEnd = R"(  esac
}

# Read from a folder of $fpath, or by source.
if [[ $funcstack[1] == _quench ]]; then _quench "$@"; else compdef _quench quench; fi
)";

/// Puts `text` in single quotes, with a backslash before each character of `special`.
std::string zsh_quoted(const std::string& text, const std::string& special) {
  std::string result = "'";
  for (const char c : text) {
    if (special.find(c) != std::string::npos) result += '\\';
    result += c == '\'' ? R"('\'')" : std::string(1, c);
  }
  return result + "'";
}

/// ":DIR:_files -/", the part of a spec that defines how to complete a value.
std::string action(const OptionInfo& option) {
  if (!option.choices.empty()) return fmt::format("({})", fmt::join(option.choices, " "));
  if (option.takes_files()) return "_files";
  if (option.takes_folders()) return "_files -/";
  return " ";
}

/// An argument of _arguments.
std::string spec(const OptionInfo& option) {
  if (option.is_positional()) {
    const char* before = option.repeats ? "*:" : option.required ? ":" : "::";
    return fmt::format("'{}'{}':{}'", before, zsh_quoted(option.value, ":"), action(option));
  }
  std::string names = option.names[0];
  if (option.names.size() > 1) {
    names = fmt::format("{{{}}}", fmt::join(option.names, ","));
    if (!option.repeats) names = fmt::format("'({})'{}", fmt::join(option.names, " "), names);
  }
  std::string text = (option.repeats ? "'*'" : "") + names + zsh_quoted("[", "") +
                     zsh_quoted(option.help, "[]:\\") + zsh_quoted("]", "");
  if (!option.value.empty())
    text +=
        zsh_quoted(":", "") + zsh_quoted(option.value, ":") + fmt::format("':{}'", action(option));
  return text;
}

std::string arguments(const CommandInfo& command) {
  std::string text;
  if (!command.subcommands.empty()) {
    text += "      subcommands=(\n";
    for (const CommandInfo& subcommand : command.subcommands)
      text +=
          fmt::format("        {}\n", zsh_quoted(subcommand.name + ":" + subcommand.summary, ""));
    text += "      )\n";
  }
  text += "      _arguments";
  for (const OptionInfo& option : command.options)
    text += fmt::format(" \\\n        {}", spec(option));
  if (!command.subcommands.empty())
    text += " \\\n        ':command: _describe command subcommands'";
  return text + " ;;\n";
}

}  // namespace

std::string zsh_completion(const CommandInfo& program) {
  std::vector<std::string> paths;
  std::string commands;
  for (const auto& [words, command] : command_paths(program)) {
    if (!words.empty()) paths.push_back(words);
    commands += fmt::format("    '{}')\n{}", words, arguments(*command));
  }
  return kZshBeginning + fmt::format("      '{}'", fmt::join(paths, "'|'")) + kZshCommands +
         commands + kZshEnd;
}

}  // namespace quench::cli
