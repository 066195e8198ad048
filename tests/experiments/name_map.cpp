#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/import_weights.h"
#include "support/file.h"
#include "temporary_folder.h"

namespace quench::experiments {
namespace {

std::string error_of(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "map", text);
  try {
    const NameMap map(folder / "map");
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).substr((folder / "map").string().size());
  }
  return "no error";
}

TEST_CASE("NameMap: numbers are mapped, comments and empty lines are skipped") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "map",
                        "# ours   theirs\n\nconv{n} features.{n-1}  # all\r\nfc.bias\thead.b");
  const NameMap map(folder / "map");
  CHECK(source_name(map.names(), "conv3.weight") == "features.2.weight");
  CHECK(source_name(map.names(), "fc.bias") == "head.b");
  CHECK(source_name(map.names(), "fc.weight") == "fc.weight");
  CHECK(map.names().source == (folder / "map").string());
}

TEST_CASE("NameMap: the error names a malformed line") {
  CHECK(error_of("a b\nc\n") ==
        ":2: expected two names, one here and one in the weight file, got 'c'");
  CHECK(error_of("a b c").starts_with(":1: expected two names"));
  CHECK(error_of("a{n a").starts_with(":1: expected placeholders like {n}"));
  CHECK(error_of("a{n+1} a{n}").starts_with(":1: expected placeholders like {n}"));
  CHECK(error_of("a{n} a{n+x}").starts_with(":1: expected placeholders like {n}"));
  CHECK(error_of("a{n} a{m}") == ":1: expected only placeholders of a{n}, got a{m}");
}

}  // namespace
}  // namespace quench::experiments
