#pragma once

#include <vector>

#include "cli/parts/command_line.h"
#include "core/parallel.h"
#include "core/profiler.h"

// The parts of `quench bench`.
namespace quench::cli {

/// Upper bound of --seconds.
inline constexpr double kMostSeconds = 86400.0;
inline constexpr double kMostSteps = 1e6;
/// Upper bounds of the batch size and of image height and width.
inline constexpr double kMostBatch = 65536.0, kMostPixels = 16384.0;
/// Bounds of a network's width factor.
inline constexpr double kLeastWidth = 0.01, kMostWidth = 16.0;

void add_bench_train(Subcommand& bench);
void add_bench_infer(Subcommand& bench);
void add_bench_conv(Subcommand& bench);
void add_bench_net(Subcommand& bench);

/// The range of --threads.
inline OptionForm thread_count() { return {.min = 1, .max = kMaxThreads}; }

/// Prints the time of each operation, one line each.
void print_profile(const std::vector<ProfileEntry>& entries);

}  // namespace quench::cli
