#include "cli/bench.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "core/profiler.h"

namespace quench::cli {

void print_profile(const std::vector<ProfileEntry>& entries) {
  double total = 0.0;
  for (const ProfileEntry& entry : entries) total += entry.seconds;
  for (const ProfileEntry& entry : entries) {
    fmt::print("    {:<28} {:>7} calls {:>9.1f} ms {:>5.1f} %\n", entry.name, entry.calls,
               entry.seconds * 1e3, 100.0 * entry.seconds / total);
  }
}

void add_bench(Subcommand& program) {
  Subcommand bench = program.add_subcommand("bench", "Measure speed and memory on this machine");
  bench.require_subcommand();
  add_bench_train(bench);
  add_bench_infer(bench);
  add_bench_conv(bench);
  add_bench_net(bench);
}

}  // namespace quench::cli
