#include "support/text_table.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace quench {
namespace {

TextTable example() {
  TextTable table({{"name"}, {"top1", TextTable::Align::right}, {"note"}});
  table.add({"ste", "9.5 ± 0.1", ""});
  table.add({"alpha", "88", "a|b"});
  return table;
}

TEST_CASE("text table: columns as wide as their widest cell, a sign of two bytes counted once") {
  CHECK(example().plain() ==
        "name        top1  note\n"
        "-----  ---------  ----\n"
        "ste    9.5 ± 0.1\n"
        "alpha         88  a|b\n");
}

TEST_CASE("text table: Markdown aligns by its rule and escapes bars") {
  CHECK(example().markdown() ==
        "| name | top1 | note |\n"
        "|---|---:|---|\n"
        "| ste | 9.5 ± 0.1 |  |\n"
        "| alpha | 88 | a\\|b |\n");
}

TEST_CASE("text table: a row of another length is rejected") {
  TextTable table({{"a"}, {"b"}});
  CHECK_THROWS_WITH_AS(table.add({"1"}), "text table: expected 2 cells, got 1",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench
