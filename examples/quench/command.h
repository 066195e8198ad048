#pragma once

#include <CLI/CLI.hpp>

// The subcommands of the program: each file adds one to `app` and keeps what it parsed.
namespace quench::command {

void add_train(CLI::App& app);
void add_eval(CLI::App& app);
void add_list(CLI::App& app);
void add_bench(CLI::App& app);

}  // namespace quench::command
