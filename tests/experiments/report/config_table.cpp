#include <doctest/doctest.h>

#include "experiments/report/run_record.h"

using namespace quench::experiments;
using namespace quench::experiments::report;

TEST_CASE("config_differences: keys with other values, and keys that one lacks") {
  const ConfigValues a{{"bits", "1"}, {"lr", "0.1"}, {"same", "x"}, {"empty", ""}};
  const ConfigValues b{{"bits", "4"}, {"a", "0.9"}, {"lr", "0.2"}, {"same", "x"}};
  // What both have comes first.
  CHECK(config_differences({a, b}) ==
        std::vector<ConfigDifference>{
            {"bits", {"1", "4"}}, {"lr", {"0.1", "0.2"}}, {"a", {"", "0.9"}}, {"empty", {"", ""}}});
  CHECK(config_differences({a, a, a}).empty());
  CHECK(config_differences({a}).empty());
  CHECK(config_differences({}).empty());
}
