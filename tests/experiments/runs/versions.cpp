#include "experiments/runs/versions.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace quench;
using namespace quench::experiments;

TEST_CASE("versions: a run's dependencies are written as JSON") {
  const auto json = nlohmann::json::parse(
      versions_text(current_versions(7, {"quench", "train", "odd \xff name"})));
  CHECK(json["seed"] == 7);
  CHECK(json["command_line"].size() == 3);
  CHECK(json["threads"] >= 1);
  for (const char* key : {"quench", "onednn", "compiler"}) {
    CAPTURE(key);
    CHECK_FALSE(json[key].get<std::string>().empty());
  }
  CHECK(json.contains("commit"));
  CHECK(json.contains("cpu"));
}
