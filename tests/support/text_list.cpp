#include "support/text_list.h"

#include <doctest/doctest.h>

#include <vector>

using namespace quench;

TEST_CASE("listed: names, and the number of those that do not fit into a message") {
  CHECK(listed({}) == "");
  CHECK(listed(std::vector<std::string>{"a"}) == "a");
  CHECK(listed(std::vector<std::string>{"a", "b", "c"}) == "a, b, c");
  std::vector<std::string> many(300, "12345678");  // 100 of them with ", " make 998 characters
  CHECK(listed(many).size() == 998 + std::string(" and 200 more").size());
  CHECK(listed(many).ends_with("12345678 and 200 more"));
  CHECK(listed(many, "\n  ").ends_with("\n  12345678\n  and 209 more"));
  many[0] = std::string(2000, 'a');
  CHECK(listed(many) == many[0] + " and 299 more");
}
