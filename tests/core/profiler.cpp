#include "core/profiler.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

namespace quench {
namespace {

void spend_milliseconds(int count) {
  std::this_thread::sleep_for(std::chrono::milliseconds(count));
}

}  // namespace

TEST_CASE("profiler: nothing is recorded while it is off") {
  reset_profiler();
  { const ProfileScope scope("silent"); }
  CHECK(profile().empty());
}

TEST_CASE("profiler: calls are counted, passes kept apart, nested time subtracted") {
  reset_profiler();
  enable_profiler(true);
  {
    const ProfileScope outer("outer");
    for (int i = 0; i < 2; ++i) {
      const ProfileScope inner("inner", ProfileScope::Pass::backward);
      spend_milliseconds(10);
    }
    spend_milliseconds(1);
  }
  enable_profiler(false);
  const std::vector<ProfileEntry> entries = profile();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].name == "inner backward");
  CHECK(entries[0].calls == 2);
  CHECK(entries[0].seconds >= 0.020);
  CHECK(entries[1].name == "outer");
  CHECK(entries[1].calls == 1);
  CHECK(entries[1].seconds >= 0.001);
  // It lasted 21 ms or more; what the inner ones took is not its own. Compared, not bounded in
  // milliseconds: the machine may be busy.
  CHECK(entries[1].seconds < entries[0].seconds);
  reset_profiler();
  CHECK(profile().empty());
}

}  // namespace quench
