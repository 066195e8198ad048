#pragma once

#include <string>
#include <vector>

#include "cli/parts/command_line.h"

// The subcommands of the program. Each file adds one to `program` and keeps the values that it
// parsed.
namespace quench::cli {

/// `command_line` is main's argv, which the run folder records.
void add_train(Subcommand& program, std::vector<std::string> command_line);
void add_repeat(Subcommand& program, std::vector<std::string> command_line);
void add_runs(Subcommand& program);
void add_watch(Subcommand& program);
void add_eval(Subcommand& program);
void add_predict(Subcommand& program);
void add_describe(Subcommand& program);
void add_deploy(Subcommand& program);
void add_export(Subcommand& program);
void add_compare(Subcommand& program, std::vector<std::string> command_line);
void add_check_quantizer(Subcommand& program);
void add_quantize(Subcommand& program, std::vector<std::string> command_line);
void add_search(Subcommand& program, std::vector<std::string> command_line);
void add_import(Subcommand& program, std::vector<std::string> command_line);
void add_list(Subcommand& program);
void add_cp(Subcommand& program);
void add_bench(Subcommand& program);
void add_report(Subcommand& program);
void add_verify(Subcommand& program);
/// Add these last: their output covers all other subcommands.
void add_completion(Subcommand& program);
void add_manual(Subcommand& program);

}  // namespace quench::cli
