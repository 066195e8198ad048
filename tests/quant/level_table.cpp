#include <doctest/doctest.h>

#include <cmath>

#include "quant/grid.h"
#include "quant/strategies/apot.h"

namespace quench::quant {
namespace {

TEST_CASE(
    "a look-up gives the nearest level, the upper one on ties; it saturates, and NaN counts as 0") {
  for (const std::vector<std::int32_t>& levels :
       {std::vector<std::int32_t>{-7, -4, -1, 0, 2, 10}, {-3, -1, 1, 3}, {5}, {0, 1, 2, 4}}) {
    const LevelTable table(levels);
    const auto nearest = [&levels](double x) {
      std::int32_t best = levels.front();
      for (const std::int32_t level : levels) {
        const auto distance = [x](std::int32_t to) { return std::abs(x - to); };
        if (distance(level) <= distance(best)) best = level;
      }
      return static_cast<float>(best);
    };
    for (float x = -15.0f; x <= 15.0f; x += 0.0625f) {
      CAPTURE(x);
      CHECK(table.view()(x) == nearest(x));
      CHECK(table.view()(x - 0.001f) == nearest(x - 0.001f));
    }
    CHECK(table.view()(INFINITY) == static_cast<float>(levels.back()));
    CHECK(table.view()(-INFINITY) == static_cast<float>(levels.front()));
    CHECK(table.view()(NAN) == nearest(0.0f));
  }
}

}  // namespace
}  // namespace quench::quant
