// Measures the speedup and the cost of several ranks. Run by bench/scaling.sh, which explains the
// output.
//
//   bench_scaling step MODEL WIDTH BATCH METHOD BITS THREADS STEPS   a training step, on its own or under mpirun
//   bench_scaling sums                                               sums over ranks, under mpirun
//   bench_scaling project STEP_MS BATCH BYTES MESSAGES               the same step on more machines
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/train_step.h"
#include "core/communicator.h"
#include "core/mpi/job.h"
#include "core/parallel.h"
#include "support/error.h"
#include "train/rank_average.h"

namespace quench::bench {
namespace {

using Words = std::vector<std::string>;

void time_step(const Words& words) {
  require(words.size() == 7, "step: expected MODEL WIDTH BATCH METHOD BITS THREADS STEPS");
  set_num_threads(std::stoi(words[5]));
  flush_denormals();
  const TrainStepResult result =
      time_train_step({.network = {.model = words[0], .width = std::stod(words[1])},
                       .batch = std::stoll(words[2]),
                       .method = words[3],
                       .bits = std::stoi(words[4]),
                       .steps = std::stoi(words[6])});
  if (!communicator().is_root()) return;
  fmt::print("{:.1f} images/s {:.2f} ms {:.0f} bytes {:.3f} ms waited\n", result.images_per_second,
             result.median_seconds * 1e3, result.summed_bytes, result.seconds_waited * 1e3);
}

/// The time of the slowest rank, the median over `repetitions`.
template <typename Run>
double median_ms(int repetitions, Run run) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    sum_over_ranks(0.0);  // all ranks start together
    times.push_back(max_over_ranks(1e3 * seconds_of(run)));
  }
  return median(times);
}

void time_sums() {
  const bool prints = communicator().is_root();
  if (prints) fmt::print("{:>10}  {:>10}  {:>8}\n", "bytes", "ms", "GB/s");
  const auto print = [prints](double bytes, double ms) {
    if (prints) fmt::print("{:>10.0f}  {:>10.4f}  {:>8.3f}\n", bytes, ms, bytes / ms * 1e-6);
  };
  for (const std::size_t count : {1u, 64u, 1024u, 8192u}) {
    std::vector<double> statistics(count, 1.0);
    print(static_cast<double>(8 * count), median_ms(200, [&] { communicator().sum(statistics); }));
  }
  for (const std::size_t count : {1u << 18, 1u << 20, 1u << 22, 1u << 24}) {
    std::vector<float> gradients(count, 1e-30f);
    print(static_cast<double>(4 * count), median_ms(20, [&] {
            communicator().start_sum(gradients);
            communicator().finish_sums();
          }));
  }
}

/// A network between machines: the rate of one port in each direction.
struct Network {
  const char* name;
  double bytes_per_second;
  double seconds_per_message;
};
// Line rates minus 6 % for Ethernet, IP and TCP; latencies of kernel TCP, and of RDMA for the last
// one.
constexpr std::array kNetworks{Network{"1 Gbit/s TCP", 0.94 / 8 * 1e9, 50e-6},
                               Network{"10 Gbit/s TCP", 9.4 / 8 * 1e9, 30e-6},
                               Network{"100 Gbit/s RDMA", 94.0 / 8 * 1e9, 3e-6}};

/// Seconds per step on `machines` machines. Each sends and receives (N - 1) / N of the bytes twice,
/// overlapped with the backward pass (two thirds of the step), except for the last bucket. The
/// messages that the forward and backward pass wait for are not overlapped; each takes log2 N hops.
double step_seconds(double compute, double bytes, double messages, int machines,
                    const Network& network) {
  if (machines == 1) return compute;
  const double bucket = std::min(bytes, static_cast<double>(train::RankAverage::kBucketBytes));
  const double share = 2.0 * (machines - 1) / machines / network.bytes_per_second;
  const double hidden = std::min((bytes - bucket) * share, compute * 2.0 / 3.0);
  const double hops = std::ceil(std::log2(machines));
  return compute + bytes * share - hidden + messages * hops * network.seconds_per_message;
}

void project(const Words& words) {
  require(words.size() == 4, "project: expected STEP_MS BATCH BYTES MESSAGES");
  const double compute = std::stod(words[0]) * 1e-3, batch = std::stod(words[1]);
  const double bytes = std::stod(words[2]), messages = std::stod(words[3]);
  fmt::print("| network | machines | ms/step | images/s | efficiency |\n|---|---|---|---|---|\n");
  for (const Network& network : kNetworks) {
    for (const int machines : {1, 2, 4, 8, 16, 32}) {
      const double seconds = step_seconds(compute, bytes, messages, machines, network);
      fmt::print("| {} | {} | {:.1f} | {:.0f} | {:.0f} % |\n", network.name, machines,
                 seconds * 1e3, machines * batch / seconds, 100.0 * compute / seconds);
    }
  }
}

int run(const Words& words) {
  const std::unique_ptr<Communicator> job = mpi::join_job();
  std::optional<CommunicatorScope> scope;
  if (job) scope.emplace(*job);
  try {
    require(!words.empty(), "bench_scaling: expected step, sums or project");
    const Words rest(words.begin() + 1, words.end());
    if (words[0] == "step") time_step(rest);
    if (words[0] == "sums") time_sums();
    if (words[0] == "project") project(rest);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    communicator().abort(1);
    return 1;
  }
}

}  // namespace
}  // namespace quench::bench

int main(int argc, char** argv) { return quench::bench::run({argv + 1, argv + argc}); }
