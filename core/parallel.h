#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>

namespace quench {

/// OpenMP keeps a team's bookkeeping on the stack; a million threads would overflow it.
inline constexpr int kMaxThreads = 1024;

/// The number of threads for parallel loops, at least 1. Set once at program start.
int num_threads();
/// @throws std::invalid_argument  unless threads is in 1..kMaxThreads
void set_num_threads(int threads);

/// Makes all compute threads treat denormals as 0: each costs about a hundred cycles and carries no
/// information in training. Call after set_num_threads().
void flush_denormals();

/// With fewer elements, a loop is too short to wake a second thread.
inline constexpr std::int64_t kParallelGrain = 16384;

/// Calls body(begin, end) on disjoint ranges that cover [0, count), one per thread. The split
/// depends only on `count`, `grain` and num_threads(). `body` must not throw: an exception that
/// leaves an OpenMP region ends the program.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  const std::int64_t wanted =
      std::min<std::int64_t>(num_threads(), count / std::max<std::int64_t>(grain, 1));
  if (wanted <= 1 || omp_in_parallel() != 0) {
    if (count > 0) body(std::int64_t{0}, count);
    return;
  }
#pragma omp parallel num_threads(static_cast <int>(wanted))
  {
    const std::int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    body(count * thread / threads, count * (thread + 1) / threads);
  }
}

/// Calls body(i) for each i in [0, count), several at once, each with num_threads() == 1, so that what it
/// computes does not depend on the number of threads. `body` may throw: the others end first.
template <typename Body>
void run_tasks(std::int64_t count, Body body) {
  std::exception_ptr failure;
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);  // of this thread alone
    try {
      for (std::int64_t i = begin; i < end; ++i) body(i);
    } catch (...) {
#pragma omp critical(quench_run_tasks)
      failure = std::current_exception();
    }
    omp_set_num_threads(before);
  });
  if (failure) std::rethrow_exception(failure);
}

/// While one lives, what its thread computes has the same bits for any number of threads. Matrix
/// products and the gradients of a convolution's weight are sums that oneDNN splits among its threads;
/// here they are split by their shapes alone. All other operations have one order anyway.
class FixedOrderScope {
 public:
  FixedOrderScope();
  ~FixedOrderScope();
  FixedOrderScope(const FixedOrderScope&) = delete;
  FixedOrderScope& operator=(const FixedOrderScope&) = delete;
};
bool fixed_order();

}  // namespace quench
