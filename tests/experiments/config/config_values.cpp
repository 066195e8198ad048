#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/config/config_file.h"

using namespace quench::experiments;

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
  CHECK_THROWS_WITH_AS(config_values("x = 1\na = \n", "c.toml"), doctest::Contains("c.toml:2: "),
                       std::runtime_error);
}
