#include "examples/quench/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/suggest.h"
#include "examples/quench/command.h"
#include "examples/quench/cpu_check.h"
#include "examples/quench/failure.h"

namespace quench::command {
namespace {

/// Names a misspelt subcommand: the parser itself would only say that one is required.
void check_subcommands(const CLI::App& app, std::span<char* const> words) {
  const CLI::App* level = &app;
  for (const std::string word : words) {
    std::vector<std::string> names;
    for (const CLI::App* command : level->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
    }
    if (names.empty() || word.starts_with('-')) return;
    require(std::ranges::find(names, word) != names.end(), "unknown subcommand '{}'{}", word,
            suggestion(word, names));
    level = level->get_subcommand(word);
  }
}

}  // namespace

int run_program(int argc, char** argv) {
  if (const std::string missing = missing_cpu_features(); !missing.empty()) {
    return complain(
        fmt::format("this build is for CPUs with {}, which this one lacks; build with "
                    "meson option march=native on it, or march=x86-64-v3 for all with AVX2",
                    missing),
        kFailure);
  }
  CLI::App app{"Trains and evaluates quantized networks.", "quench"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all subcommands");
  Subcommand program(app);
  const std::vector<std::string> command_line{argv, argv + argc};
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
  add_import(program, command_line);
  add_compare(program, command_line);
  add_check_quantizer(program);
  add_list(program);
  add_bench(program);
  add_report(program);
  add_verify(program);
  if (argc == 1) {
    fmt::print("{}", app.help());
    return 0;
  }
  try {
    check_subcommands(app, {argv + 1, argv + argc});
    app.parse(argc, argv);
    return 0;
  } catch (const Exit& exit) {
    return exit.status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help was asked for
    return complain(fmt::format("{} (see quench --help-all)", error.what()), kUsage);
  } catch (const std::exception& error) {
    const Failure failure = failure_of(error);
    return complain(failure.message, failure.status);
  }
}

}  // namespace quench::command
