#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/command.h"
#include "cli/parts/environment.h"
#include "experiments/runs/versions.h"

namespace quench::cli {
namespace {

constexpr const char* kDescription = R"(.SH DESCRIPTION
Trains 1\-bit to 8\-bit networks as a config file says, into run folders; evaluates them, turns them into integers, and
compares methods.
.B quench list recipes
shows configs to start from,
.B quench list config
every key of a config.
)";

constexpr const char* kEnd = R"(.SH EXIT STATUS
.TP
.B 0
Success.
.TP
.B 1
A failure of files, data or the machine.
.TP
.B 2
A command line or config that is not accepted.
.TP
.B 128 + N
Signal N stopped the run, which was saved.
.SH EXAMPLES
.nf
quench cp quickstart
quench train quickstart.toml
quench eval runs/quickstart\-1
quench deploy runs/quickstart\-1 \-o model.qnc
quench verify runs/quickstart\-1 model.qnc
.fi
)";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  // troff would read such a line as a request.
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }

/// RUN, [FOLDER...]
std::string usage(const OptionInfo& positional) {
  const std::string name = italic(positional.value) + (positional.repeats ? "..." : "");
  return positional.required ? name : "[" + name + "]";
}

std::string entry(const OptionInfo& option) {
  std::string names;
  if (option.is_positional()) {
    names = italic(option.value);
  } else {
    for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
    if (!option.value.empty()) names += " " + italic(option.value);
  }
  return fmt::format(".TP\n{}\n{}\n", names, escaped(option.help));
}

/// @param common  options of every command, listed once
std::string section(const CommandPath& path, const std::vector<OptionInfo>& common) {
  std::string synopsis = bold("quench" + path.words) + " [" + italic("OPTION") + "]...";
  std::string entries;
  for (const OptionInfo& option : path.command->options) {
    if (option.is_positional()) synopsis += " " + usage(option);
    const bool is_common =
        std::ranges::find(common, option.names, &OptionInfo::names) != common.end();
    if (path.words.empty() || !is_common) entries += entry(option);
  }
  if (!path.command->subcommands.empty()) synopsis += " " + italic("COMMAND");
  return fmt::format(".SS {}\n{}.\n.PP\n{}\n{}", escaped("quench" + path.words),
                     escaped(path.command->summary), synopsis, entries);
}

std::string environment() {
  std::string text = ".SH ENVIRONMENT\n";
  for (const EnvironmentVariable& variable : environment_variables()) {
    text += fmt::format(".TP\n{}\n", bold(std::string(variable.name)));
    if (!variable.values.empty())
      text += fmt::format("({}) ", escaped(std::string(variable.values)));
    text += escaped(std::string(variable.effect)) + ".\n";
  }
  return text;
}

/// quench.1
std::string manual_page(const CommandInfo& program) {
  std::string summary = program.summary;
  summary[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(summary[0])));
  std::string text = fmt::format(
      ".TH QUENCH 1 \"\" \"quench {}\" \"User Commands\"\n"
      ".SH NAME\nquench \\- {}\n"
      ".SH SYNOPSIS\n.B quench\n.I COMMAND\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
      "{}"
      ".SH COMMANDS\n",
      experiments::current_versions(0, {}).quench, escaped(summary), kDescription);
  for (const CommandPath& path : command_paths(program)) text += section(path, program.options);
  return text + environment() + kEnd;
}

}  // namespace

void add_manual(Subcommand& program) {
  Subcommand command =
      program.add_subcommand("manual", "Print the manual page, for man: quench manual | man -l -");
  command.run([program] { fmt::print("{}", manual_page(program.info())); });
}

}  // namespace quench::cli
