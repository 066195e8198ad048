#include "cli/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/parts/command_line.h"
#include "cli/parts/cpu_check.h"
#include "cli/parts/failure.h"
#include "core/mpi/job.h"
#include "core/onednn/library.h"
#include "core/parallel.h"
#include "experiments/runs/versions.h"
#include "kernels/isa.h"
#include "onnx/file/read.h"
#include "support/console.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::cli {
namespace {

/// The facts that a bug report needs: version and commit, the libraries, the CPU and the
/// instruction sets in use. @throws std::runtime_error  for an unknown QUENCH_MAX_ISA
std::string version_text() {
  const experiments::Versions versions = experiments::current_versions(0, {});
  const auto or_else = [](const std::string& text, const char* missing) {
    return text.empty() ? missing : text;
  };
  return fmt::format(
      "quench {}\n"
      "commit    {}\n"
      "compiler  {}, for {}\n"
      "oneDNN    {}, uses {}\n"
      "kernels   use {}\n"
      "CPU       {}, {} threads\n"
      "ONNX      {}\n"
      "MPI       {}",
      versions.quench, or_else(versions.commit, "unknown"), versions.compiler,
      or_else(QUENCH_MARCH, "the compiler's default CPU"), versions.onednn, onednn::isa(),
      kernels::to_string(kernels::best_isa()), or_else(versions.cpu, "unknown"), versions.threads,
      or_else(onnx::onnx_version(), "not in this build"),
      or_else(mpi::library_version(), "not in this build"));
}

/// Adds "help" after all other subcommands: its choices are their names.
void add_help(Subcommand& program) {
  std::vector<std::string> names;
  for (const CommandInfo& command : program.info().subcommands) names.push_back(command.name);
  Subcommand command = program.add_subcommand("help", "Print the help of a command");
  // resolve_help() handles it, but the parser writes to it in "quench --help-all help train".
  static std::string word;
  command.add("COMMAND", word, "The command", {.choices = names});
}

/// Turns "help bench conv" into "bench conv --help" for the parser; leaves other words unchanged.
std::vector<std::string> resolve_help(std::vector<std::string> words) {
  if (words.empty() || words[0] != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

/// Reports a misspelt subcommand by name: the parser would only say that one is required.
void check_subcommands(const CommandInfo& program, const std::vector<std::string>& words) {
  const CommandInfo* level = &program;
  for (const std::string& word : words) {
    if (level->subcommands.empty() || word.starts_with('-')) return;
    std::vector<std::string> names;
    for (const CommandInfo& command : level->subcommands) names.push_back(command.name);
    const auto found = std::ranges::find(level->subcommands, word, &CommandInfo::name);
    require(found != level->subcommands.end(), "unknown subcommand '{}'{}", word,
            suggestion(word, names));
    level = &*found;
  }
}

/// CLI11 does not wrap long lines, so the terminal would break inside words.
class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    const auto width = static_cast<std::size_t>(std::max(60, terminal_width(stdout)));
    std::istringstream lines(CLI::Formatter::make_help(app, std::move(name), mode));
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      // Descriptions of options continue in their column.
      const std::string indent(line.starts_with("  ") ? get_column_width() : 0, ' ');
      while (line.size() > width) {
        const std::size_t cut = line.rfind(' ', width);
        if (cut == std::string::npos || cut <= indent.size()) break;
        text += line.substr(0, cut) + '\n';
        line = indent + line.substr(cut + 1);
      }
      text += line + '\n';
    }
    return text;
  }
};

}  // namespace

int run_program(int argc, char** argv) {
  require_cpu();
  // A file that exceeds a limit (ulimit -f) is then an error, like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  CommandInfo info{"quench", "Train and evaluate quantized networks"};
  CLI::App app{info.summary, info.name};
  app.formatter(std::make_shared<WrappingFormatter>());
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help");
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.set_version_flag("--version", version_text, "Print version, libraries and instruction sets");
  Subcommand program(app, info);
  const std::vector<std::string> command_line{argv, argv + argc};
  note_in_log(fmt::format("$ {}", fmt::join(command_line, " ")));
  add_train(program, command_line);
  add_eval(program);
  add_runs(program);
  add_watch(program);
  add_repeat(program, command_line);
  add_predict(program);
  add_deploy(program);
  add_export(program);
  add_describe(program);
  add_quantize(program, command_line);
  add_search(program, command_line);
  add_import(program, command_line);
  add_compare(program, command_line);
  add_check_quantizer(program);
  add_list(program);
  add_cp(program);
  add_bench(program);
  add_report(program);
  add_verify(program);
  add_completion(program);
  add_manual(program);
  add_help(program);
  if (argc <= 1) {
    fmt::print("{}", app.help());
    return 0;
  }
  try {
    std::vector<std::string> words = resolve_help({argv + 1, argv + argc});
    check_subcommands(info, words);
    std::ranges::reverse(words);     // the parser takes them from the back
    set_num_threads(num_threads());  // OMP_NUM_THREADS may be out of range
    kernels::best_isa();             // QUENCH_MAX_ISA may be unknown
    app.parse(std::move(words));
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      fail("cannot write to standard output");
    return 0;
  } catch (const Exit& exit) {
    return exit.status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return complain(fmt::format("{} (see quench --help-all)", error.what()), kUsage);
  } catch (const std::exception& error) {
    const Failure failure = failure_of(error);
    return complain(failure.message, failure.status);
  }
}

}  // namespace quench::cli
