#include "support/suggest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace quench;

TEST_CASE("closest: finds typos of one or two keys, and nothing if no name is close") {
  const std::vector<std::string> known{"lr", "momentum", "weight_decay"};
  CHECK(closest("momentun", known) == "momentum");          // replaced
  CHECK(closest("wieght_decay", known) == "weight_decay");  // swapped
  CHECK(closest("weigt_decay", known) == "weight_decay");   // left out
  CHECK(closest("lrr", known) == "lr");                     // put in
  CHECK(closest("granularity", known).empty());
  CHECK(closest("", known).empty());
  CHECK(closest("lr", {}).empty());
}

TEST_CASE("suggestion: lists what is accepted, the nearest first") {
  const std::vector<std::string> known{"lr", "momentum"};
  CHECK(suggestion("momentun", known) == "; did you mean 'momentum'? (accepted: lr, momentum)");
  CHECK(suggestion("granularity", known) == " (accepted: lr, momentum)");
  CHECK(suggestion("granularity", {}).empty());
}
