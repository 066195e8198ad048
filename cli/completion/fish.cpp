#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion/completion.h"

namespace quench::cli {
namespace {

constexpr const char* kFishBeginning =
    R"(# fish completion of quench, made by: quench completion fish

# Whether the words so far are these.
function __quench_at
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

# Whether the words so far begin with these.
function __quench_in
    set -l words (commandline -opc)
    set -e words[1]
    string match -q -- "$argv *" "$words "
end

complete -c quench -f
)";

/// Puts `text` in single quotes.
std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

/// The arguments of `complete` for an option's value.
std::string candidates(const OptionInfo& option) {
  if (!option.choices.empty())
    return fmt::format(" -a {}", fish_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  if (option.takes_files()) return " -F";
  if (option.takes_folders()) return " -a '(__fish_complete_directories)'";
  return "";
}

std::string names_of(const OptionInfo& option) {
  std::string text;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    text += fmt::format(" -{} {}", is_long ? 'l' : 's', name.substr(is_long ? 2 : 1));
  }
  return text;
}

}  // namespace

std::string fish_completion(const CommandInfo& program) {
  std::string text = kFishBeginning;
  for (const auto& [words, command] : command_paths(program)) {
    const bool is_group = !command->subcommands.empty();
    const std::string condition =
        fmt::format("complete -c quench -n '__quench_{}{}'", is_group ? "at" : "in", words);
    for (const CommandInfo& subcommand : command->subcommands)
      text += fmt::format("{} -a {} -d {}\n", condition, subcommand.name,
                          fish_quoted(subcommand.summary));
    for (const OptionInfo& option : command->options) {
      const std::string value = candidates(option);
      if (option.is_positional()) {
        if (!value.empty()) text += fmt::format("{}{}\n", condition, value);
      } else {
        text += fmt::format("{}{}{}{} -d {}\n", condition, names_of(option),
                            option.value.empty()   ? ""
                            : option.takes_files() ? " -r"
                                                   : " -x",
                            value, fish_quoted(option.help));
      }
    }
  }
  return text;
}

}  // namespace quench::cli
