#include "core/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace quench {
namespace {

/// Sets the thread count for one test.
struct Threads {
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

}  // namespace

TEST_CASE("parallel_for: every index exactly once, whatever the count, grain and threads") {
  for (const int threads : {1, 2, 3, 7}) {
    const Threads guard(threads);
    for (const std::int64_t count : {0, 1, 2, 6, 7, 100}) {
      for (const std::int64_t grain : {0, 1, 3, 200}) {
        CAPTURE(threads);
        CAPTURE(count);
        CAPTURE(grain);
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        bool once = true;
        for (const auto& visit : visits) once = once && visit == 1;
        CHECK(once);
      }
    }
  }
}

TEST_CASE("parallel_for: a range below the grain is not split") {
  const Threads guard(4);
  std::atomic<int> calls = 0;
  parallel_for(kParallelGrain * 2 - 1, kParallelGrain,
               [&](std::int64_t, std::int64_t) { ++calls; });
  CHECK(calls == 1);
  parallel_for(kParallelGrain * 2, kParallelGrain, [&](std::int64_t, std::int64_t) { ++calls; });
  CHECK(calls == 3);
}

TEST_CASE("parallel_for: inside a parallel loop it runs on the thread that calls it") {
  const Threads guard(2);
  std::atomic<int> calls = 0;
  parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
      if (begin == 0 && end == 100) ++calls;
    });
  });
  CHECK(calls == 2);
}

TEST_CASE(
    "run_tasks: each task once, with one thread for what it calls; an exception comes through") {
  for (const int threads : {1, 3}) {
    const Threads guard(threads);
    std::vector<std::atomic<int>> visits(10);
    std::atomic<int> others = 0;
    run_tasks(10, [&](std::int64_t i) {
      ++visits[static_cast<std::size_t>(i)];
      if (num_threads() != 1) ++others;
    });
    for (const auto& visit : visits) CHECK(visit == 1);
    CHECK(others == 0);
    CHECK_THROWS_WITH_AS(run_tasks(10,
                                   [](std::int64_t i) {
                                     if (i == 7) throw std::runtime_error("seven");
                                   }),
                         "seven", std::runtime_error);
    CHECK(num_threads() == threads);
  }
}

TEST_CASE("FixedOrderScope: scopes nest, and are those of one thread") {
  CHECK_FALSE(fixed_order());
  {
    const FixedOrderScope outer;
    { const FixedOrderScope inner; }
    CHECK(fixed_order());
    bool other = true;
    std::thread([&] { other = fixed_order(); }).join();
    CHECK_FALSE(other);
  }
  CHECK_FALSE(fixed_order());
}

TEST_CASE("set_num_threads: at least one, and fewer than OpenMP can start") {
  CHECK_THROWS_WITH_AS(set_num_threads(0), "threads: expected 1..1024, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(set_num_threads(1'000'000), "threads: expected 1..1024, got 1000000",
                       std::invalid_argument);
}

}  // namespace quench
