#pragma once

#include "examples/quench/command_line.h"

// The parts of `quench bench`.
namespace quench::command {

void add_bench_train(Subcommand& bench);
void add_bench_infer(Subcommand& bench);
void add_bench_conv(Subcommand& bench);
void add_bench_net(Subcommand& bench);

/// Where the time went since the profiler was reset, one line per operation.
void print_profile();

}  // namespace quench::command
