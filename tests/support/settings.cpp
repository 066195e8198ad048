#include "support/settings.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace quench;

TEST_CASE("settings: values given are read, absent ones take the fallback") {
  const Settings s = Settings::from({{"bits", 4},
                                     {"granularity", "per_channel"},
                                     {"rate", 0.5},
                                     {"on", true},
                                     {"mean", std::vector<double>{0.5, 0.25}},
                                     {"weight", Settings::from({{"method", "lsq"}})}});
  CHECK(s.integer("bits", 8, {1, 8}) == 4);
  CHECK(s.text("granularity") == "per_channel");
  CHECK(s.number("rate", 1.0) == 0.5);
  CHECK(s.number("bits") == 4.0);
  CHECK(s.boolean("on", false));
  CHECK(s.numbers("mean", {}) == std::vector<double>{0.5, 0.25});
  CHECK(s.table("weight").text("method") == "lsq");
  CHECK(s.number("momentum", 0.9) == 0.9);
  CHECK(s.table("absent").integer("x", 3) == 3);
  CHECK(s.tables("override").empty());
  CHECK_NOTHROW(s.finish());
}

TEST_CASE("settings: the error names an invalid value and what is accepted") {
  const Settings root =
      Settings::from({{"weight", Settings::from({{"bits", 9},
                                                 {"scale", 0.0},
                                                 {"clip", "wide"},
                                                 {"method", "lqs"},
                                                 {"steps", std::vector<int>{3, -1}},
                                                 {"half", 0.5}})}});
  const Settings s = root.table("weight");
  const auto message = [](auto&& read) -> std::string {
    try {
      read();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message([&] {
          s.integer("bits", 4, {1, 8});
        }) == "<settings>: weight.bits: expected an integer in 1..8, got 9");
  CHECK(message([&] { s.number("scale", above(0.0)); }) ==
        "<settings>: weight.scale: expected a number > 0, got 0.0");
  CHECK(message([&] { s.number("clip", 1.0); }) ==
        "<settings>: weight.clip: expected a finite number, got \"wide\"");
  CHECK(message([&] {
          s.choice("method", {"none", "lsq"});
        }) ==
        "<settings>: weight.method: expected one of \"none\", \"lsq\" (did you mean \"lsq\"?), got "
        "\"lqs\"");
  CHECK(message([&] {
          s.integers("steps", {}, {0, 100});
        }) == "<settings>: weight.steps[1]: expected an integer in 0..100, got -1");
  CHECK(message([&] { s.integer("half", 1); }) ==
        "<settings>: weight.half: expected an integer, got 0.5");
  CHECK(message([&] { s.boolean("half", true); }) ==
        "<settings>: weight.half: expected true or false, got 0.5");
  CHECK(message([&] { s.text("name"); }) ==
        "<settings>: weight.name: expected a quoted string, got nothing (the key is missing)");
  CHECK(message([&] { s.table("bits"); }) == "<settings>: weight.bits: expected a table, got 9");
}

TEST_CASE("settings: an unread key is an error with the nearest accepted one") {
  const Settings s = Settings::from({{"optimizer", Settings::from({{"momentun", 0.9}})}});
  s.table("optimizer").number("momentum", 0.0);
  s.table("optimizer").number("lr", 0.1);
  CHECK_NOTHROW(s.finish_own_keys());
  CHECK_THROWS_WITH_AS(s.finish(),
                       "<settings>: optimizer.momentun: unknown key with value 0.9; did you mean "
                       "'momentum'? (accepted: lr, momentum)",
                       std::invalid_argument);
  s.allow("optimizer");
  CHECK_NOTHROW(s.finish());
}

TEST_CASE("settings: leftovers inside arrays of tables are found") {
  const Settings s = Settings::from(
      {{"override", std::vector<Settings>{Settings::from({{"layer", "a"}}),
                                          Settings::from({{"layer", "b"}, {"bitz", 2}})}}});
  for (const Settings& each : s.tables("override")) each.text("layer");
  CHECK_THROWS_WITH_AS(s.finish(),
                       "<settings>: override[1].bitz: unknown key with value 2 (accepted: layer)",
                       std::invalid_argument);
}

TEST_CASE("settings: resolved lists what was given and the defaults that were read") {
  const Settings s =
      Settings::from({{"epochs", 3}, {"quant", Settings::from({{"method", "a\"b"}})}});
  s.number("lr", 1.0);
  s.table("quant").number("eps", 1e-5);
  s.table("quant").table("looked_for_only");
  s.table("data").text("name", "cifar10");
  CHECK(s.resolved() ==
        "epochs = 3\nlr = 1.0\n\n[data]\nname = \"cifar10\"\n\n[quant]\neps = 1e-05\nmethod = "
        "\"a\\\"b\"\n");
}

TEST_CASE("settings: merging combines tables key by key") {
  Settings base = Settings::from({{"a", Settings::from({{"x", 1}, {"y", 2}})}, {"list", 1}});
  base.merge(Settings::from({{"a", Settings::from({{"y", 3}})}, {"list", 4}}));
  CHECK(base.table("a").integer("x") == 1);
  CHECK(base.table("a").integer("y") == 3);
  CHECK(base.integer("list") == 4);
}

TEST_CASE("settings: below() excludes the upper end") {
  const auto read = [](double value) {
    return Settings::from({{"share", value}}).number("share", 0.5, below(0.0, 1.0));
  };
  CHECK(read(0.0) == 0.0);
  CHECK(read(0.999) == 0.999);
  CHECK_THROWS_WITH_AS(read(1.0), "<settings>: share: expected a number >= 0 and < 1, got 1.0",
                       std::invalid_argument);
}

TEST_CASE("settings: keys_read lists what readers said of each key, tables after single values") {
  const Settings s = Settings::from(
      {{"override", std::vector<Settings>{Settings::from({{"match", "fc*"}})}}, {"unread", 1}});
  s.number({"lr", "the learning rate"}, 0.1, above(0.0));
  s.number("lr", 0.5);  // a second look says nothing new
  s.table("weight").integer({"bits", "of each code"}, 8, {1, 8});
  s.tables("override").at(0).text({"match", "pattern of names"});
  CHECK_FALSE(s.has("granularity"));
  s.allow("ab");
  CHECK(s.keys_read() == std::vector<SettingInfo>{
                             {"lr", "a number > 0", "0.1", "the learning rate", false},
                             {"override[].match", "a quoted string", "", "pattern of names", true},
                             {"weight.bits", "an integer in 1..8", "8", "of each code", false}});
}

TEST_CASE("settings: a key that was looked up with has() is not required") {
  const Settings s = Settings::from({{"bits", 4}});
  if (s.has("bits")) s.integer({"bits", "of each code"}, {1, 8});
  REQUIRE(s.keys_read().size() == 1);
  CHECK_FALSE(s.keys_read()[0].required);
}
