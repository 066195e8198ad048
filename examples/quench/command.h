#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

// The subcommands of the program: each file adds one to `app` and keeps what it parsed.
namespace quench::command {

/// `command_line` is main's argv, which a run folder keeps.
void add_train(CLI::App& app, std::vector<std::string> command_line);
void add_eval(CLI::App& app);
void add_describe(CLI::App& app);
void add_compare(CLI::App& app, std::vector<std::string> command_line);
void add_check_quantizer(CLI::App& app);
void add_quantize(CLI::App& app, std::vector<std::string> command_line);
void add_list(CLI::App& app);
void add_bench(CLI::App& app);

}  // namespace quench::command
