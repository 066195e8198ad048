#pragma once

#include "cli/parts/command_line.h"
#include "core/parallel.h"

// The parts of `quench bench`.
namespace quench::command {

/// How long to repeat what is timed.
inline constexpr double kMostSeconds = 86400.0;
inline constexpr double kMostSteps = 1e6;
/// Images of a batch, and their height and width.
inline constexpr double kMostBatch = 65536.0, kMostPixels = 16384.0;
/// The width factor of a network.
inline constexpr double kLeastWidth = 0.01, kMostWidth = 16.0;

void add_bench_train(Subcommand& bench);
void add_bench_infer(Subcommand& bench);
void add_bench_conv(Subcommand& bench);
void add_bench_net(Subcommand& bench);

/// The form of --threads.
inline OptionForm thread_count() { return {.min = 1, .max = kMaxThreads}; }

/// Where the time went since the profiler was reset, one line per operation.
void print_profile();

}  // namespace quench::command
