#include "core/communicator.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "thread_ranks.h"

using namespace quench;

TEST_CASE("communicator: a single process is rank 0 of 1, and its sums do not change") {
  CHECK(communicator().rank() == 0);
  CHECK(communicator().size() == 1);
  CHECK(communicator().is_root());
  std::array values{0.1, -3.0};
  communicator().sum(values);
  communicator().max(values);
  CHECK(values == std::array{0.1, -3.0});
  CHECK(sum_over_ranks(0.1) == 0.1);
  CHECK(gather_from_ranks(7) == std::vector<std::int64_t>{7});
  std::string text = "as it was";
  communicator().broadcast(text, 0);
  CHECK(text == "as it was");
}

TEST_CASE("communicator: a scope belongs to its thread, and ends") {
  ThreadRanks(3).run([](int rank) {
    CHECK(communicator().rank() == rank);
    CHECK(communicator().size() == 3);
    {
      const CommunicatorScope alone;
      CHECK(communicator().size() == 1);
      CHECK(sum_over_ranks(2.0) == 2.0);
    }
    CHECK(communicator().size() == 3);
    std::jthread([] { CHECK(communicator().size() == 1); });
  });
  CHECK(communicator().size() == 1);
}

TEST_CASE("communicator: sum, maximum, broadcast and gather on all ranks") {
  ThreadRanks(3).run([](int rank) {
    CHECK(sum_over_ranks(rank + 0.5) == 4.5);
    CHECK(sum_over_ranks(std::int64_t{rank}) == 3);
    CHECK(max_over_ranks(-rank) == 0.0);
    CHECK(gather_from_ranks(10 * rank) == std::vector<std::int64_t>{0, 10, 20});
    std::string text = std::to_string(rank);
    communicator().broadcast(text, 2);
    CHECK(text == "2");
  });
}
