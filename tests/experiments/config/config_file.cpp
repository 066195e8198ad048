#include "experiments/config/config_file.h"

#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  const std::string path = (folder / name).string();
  std::ofstream(path) << text;
  return path;
}

template <typename Read>
std::string message(Read read) {
  try {
    read();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("load_settings: an error names file and line, also inside lists and tables") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "a.toml",
                                 "top = 1\n"
                                 "[quant]\n"
                                 "bits = 9\n"
                                 "[[quant.override]]\n"
                                 "scale = [1.0,\n"
                                 "  -2.0]\n");
  const Settings settings = load_settings(path);
  const Settings quant = settings.table("quant");
  CHECK(message([&] {
          quant.integer("bits", 4, {1, 8});
        }) == path + ":3: quant.bits: expected an integer in 1..8, got 9");
  CHECK(message([&] { quant.text("method"); }) ==
        path + ":2: quant.method: expected a quoted string, got nothing (the key is missing)");
  const Settings rule = quant.tables("override").at(0);
  CHECK(message([&] { rule.numbers("scale", {}, above(0.0)); }) ==
        path + ":6: quant.override[0].scale[1]: expected a number > 0, got -2.0");
  CHECK(message([&] { settings.finish(); }) ==
        path + ":1: top: unknown key with value 1 (accepted: quant)");
}

TEST_CASE("load_settings: a file that does not parse is an error with line, column and reason") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "a.toml", "a = 1\nb = = 2\n");
  CHECK(message([&] { load_settings(path); }).starts_with(path + ":2:5: Error"));
  CHECK(message([&] { load_settings(write(folder, "b.toml", "a = 1\na = 2\n")); }) != "no error");
  CHECK(message([&] { load_settings(write(folder, "c.toml", "day = 2020-01-01\n")); }) ==
        (folder / "c.toml").string() +
            ":1: expected a number, string, boolean, list or table, got a date or time");
  CHECK_THROWS_AS(load_settings(folder / "absent.toml"), std::runtime_error);
}

TEST_CASE("load_settings: overrides are TOML values, otherwise strings") {
  const TemporaryFolder folder;
  const std::string path =
      write(folder, "a.toml", "[quant]\nmethod = \"none\"\nbits = 4\n[data]\nname = \"x\"\n");
  const Settings settings =
      load_settings(path, {"quant.method=lsq", "quant.bits = 2", "train.lr=1e-3", "on=true",
                           "quant.weight={bits = 8}", "dir=some/folder-1.5"});
  CHECK(settings.table("quant").text("method") == "lsq");
  CHECK(settings.table("quant").integer("bits") == 2);
  CHECK(settings.table("quant").table("weight").integer("bits") == 8);
  CHECK(settings.table("train").number("lr") == 1e-3);
  CHECK(settings.boolean("on"));
  CHECK(settings.text("dir") == "some/folder-1.5");
  CHECK(settings.table("data").text("name") == "x");
}

TEST_CASE("load_settings: an error in an override shows the override instead of a line") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "a.toml", "[quant]\nbits = 4\n");
  const Settings settings = load_settings(path, {"quant.bits=many"});
  CHECK(message([&] { settings.table("quant").integer("bits"); }) ==
        "--set quant.bits=many: quant.bits: expected an integer, got \"many\"");
  for (const char* wrong : {"quant.bits", "=3", "a=[1", "a..b=1", "a=\"x", "a=1\nb=2", "a b=1"}) {
    CAPTURE(wrong);
    CHECK(message([&] {
            load_settings(path, {wrong});
          }).starts_with("--set " + std::string(wrong) + ": expected "));
  }
}

TEST_CASE("load_settings: extends merges a file into its base, key by key") {
  const TemporaryFolder folder;
  write(folder, "base.toml", "x = 1\nlist = [1, 2]\n[quant]\nbits = 4\nmethod = \"lsq\"\n");
  const std::string path =
      write(folder, "a.toml", "extends = \"base.toml\"\nlist = [3]\n[quant]\nbits = 2\n");
  const Settings settings = load_settings(path);
  CHECK(settings.integer("x") == 1);
  CHECK(settings.integers("list", {}) == std::vector<std::int64_t>{3});
  CHECK(settings.table("quant").integer("bits") == 2);
  CHECK(settings.table("quant").text("method") == "lsq");
  CHECK(settings.table("quant").origin("method") == (folder / "base.toml").string() + ":5");
  CHECK_NOTHROW(settings.finish());
}

TEST_CASE("load_settings: circular extends are an error") {
  const TemporaryFolder folder;
  const std::string a = write(folder, "a.toml", "extends = \"b.toml\"\n");
  write(folder, "b.toml", "extends = \"./a.toml\"\n");
  CHECK(message([&] { load_settings(a); }).find("without circular extends, got ") !=
        std::string::npos);
}

TEST_CASE("settings: nesting that would overflow a parser's stack is rejected") {
  const auto repeated = [](std::string_view text, int times) {
    std::string result;
    for (int i = 0; i < times; ++i) result += text;
    return result;
  };
  for (const int times : {40, 100'000}) {
    CAPTURE(times);
    const std::string dots = repeated("a.", times);
    for (const std::string& toml :
         {dots + "b = 1", "[" + dots + "b]", "[[" + dots + "b]]", "x = {" + dots + "b = 1}",
          "x = " + repeated("[", times) + repeated("]", times),
          "x = " + repeated("{a = ", times) + "1" + repeated("}", times),
          "x = \"\"\"\n\"\"\"\ny = 1\n" + dots + "b = 1"}) {
      CHECK(message([&] {
              parse_settings("ok = 1\n" + toml, "a.toml");
            }).find(": expected tables and lists at most 32 levels deep, got more") !=
            std::string::npos);
    }
    CHECK(message([&] {
            settings_of({dots + "b=1"});
          }).starts_with("--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."));
    CHECK(message([&] { settings_of({"x=" + repeated("[", times)}); }) != "no error");
  }
  CHECK(message([&] {
          parse_settings("a = 1\n\nb = " + repeated("[", 33), "f.toml");
        }).starts_with("f.toml:3: "));
}

TEST_CASE("settings: dots and brackets in strings, comments and values are not nesting") {
  const std::string dots(100, '.'), brackets(100, '[');
  const Settings settings =
      parse_settings("a = \"" + dots + brackets + "\\\"" + dots + "\" # " + dots + brackets +
                         "\nb = '" + dots + "'\nc = '''\n" + dots + "'" + brackets + "'''\nd = 1.5",
                     "a.toml");
  CHECK(settings.text("c") == dots + "'" + brackets);
  CHECK(settings.number("d") == 1.5);
  CHECK(settings_of({"data.dir=" + dots}).table("data").text("dir") == dots);
}

TEST_CASE("load_settings: the output of resolved() reads back unchanged") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "a.toml", R"(
text = "quote \" backslash \\ tab \t bell \u0007 \u00e4"
"key with spaces" = 0.1
tiny = 1e-300
whole = 3.0
neg = -7
flag = false
mixed = [1, 2.5, "x", [true], {a = 1}]
[empty]
[a.b.c]
d = 1
[[rule]]
match = "conv*"
[rule.weight]
bits = 8
[[rule]]
match = "fc"
)");
  const Settings first = load_settings(path);
  first.table("later").number("default", 0.25);
  const std::string text = first.resolved();
  const Settings second = load_settings(write(folder, "b.toml", text));
  CHECK(second.resolved() == text);
  CHECK(second.text("text") == first.text("text"));
  CHECK(second.number("key with spaces") == 0.1);
  CHECK(second.tables("rule").at(0).table("weight").integer("bits") == 8);
  CHECK(second.tables("rule").at(1).text("match") == "fc");
  CHECK(second.table("later").number("default") == 0.25);
  CHECK(second.table("a").table("b").table("c").integer("d") == 1);
}
