#include "train/report/config_table.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace quench::train::report;

TEST_CASE("config_values: dotted keys, values as written, arrays whole") {
  const ConfigValues values = config_values(
      "name = \"x\"\n[quant]\nmethod = \"ste\"\nweight = { bits = 1 }\n[train]\nlr = "
      "0.98999999999999999\n"
      "milestones = [1, 2]\non = true\n[[quant.layer]]\npattern = \"a\"\n",
      "c.toml");
  CHECK(values.at("name") == "x");
  CHECK(values.at("quant.method") == "ste");
  CHECK(values.at("quant.weight.bits") == "1");
  CHECK(values.at("train.lr") == "0.99");
  CHECK(values.at("train.milestones") == "[ 1, 2 ]");
  CHECK(values.at("train.on") == "true");
  CHECK(values.at("quant.layer").find("pattern") != std::string::npos);
  CHECK(values.size() == 7);
}

TEST_CASE("config_values: an error says where") {
  CHECK_THROWS_AS(config_values("a = \n", "c.toml"), std::runtime_error);
  try {
    config_values("x = 1\na = \n", "c.toml");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).starts_with("c.toml:2: "));
  }
}

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
