#pragma once

#include "examples/quench/command_line.h"

// The parts of `quench bench`.
namespace quench::command {

void add_bench_train(Subcommand& bench);
void add_bench_infer(Subcommand& bench);
void add_bench_conv(Subcommand& bench);
void add_bench_net(Subcommand& bench);

/// The form of --threads.
inline OptionForm thread_count() { return {.min = 1, .max = 1024}; }

/// Where the time went since the profiler was reset, one line per operation.
void print_profile();

}  // namespace quench::command
