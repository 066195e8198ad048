#include "support/text_number.h"

#include <doctest/doctest.h>

using namespace quench;

TEST_CASE("grouped: commas between groups of three digits, none at the ends") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-123) == "-123");
  CHECK(grouped(-1234) == "-1,234");
}

TEST_CASE("kib: one decimal") {
  CHECK(kib(0.0) == "0.0");
  CHECK(kib(1536.0) == "1.5");
}
