#include "experiments/runs/run_history.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "temporary_folder.h"

namespace quench::experiments {
namespace {

RunPart part(std::int64_t epoch, std::int64_t step, std::vector<KeyChange> changes = {}) {
  return {.epoch = epoch,
          .step = step,
          .started = "2026-11-22T02:22:10Z",
          .checkpoint = "last.safetensors",
          .changes = std::move(changes),
          .versions = {.commit = "abc", .threads = 2, .seed = 7, .command_line = {"quench"}}};
}

std::vector<std::pair<std::size_t, std::int64_t>> ends(const RunHistory& history) {
  std::vector<std::pair<std::size_t, std::int64_t>> result;
  for (const TrainedPart& trained : trained_parts(history))
    result.emplace_back(trained.index, trained.end_epoch);
  return result;
}

TEST_CASE("run history: a round trip; the first part's versions are in their old place") {
  const TemporaryFolder folder;
  RunHistory history{.parts = {part(0, 0), part(8, 3, {{"train.epochs", "8", "60"}})},
                     .config = "[train]\nepochs = 60\n"};
  history.parts[1].versions.threads = 4;
  write_history(folder / "versions.json", history);
  const auto json = nlohmann::json::parse(std::ifstream(folder / "versions.json"));
  CHECK(json["commit"] == "abc");
  CHECK(json["threads"] == 2);
  CHECK(json["resumed"][0]["threads"] == 4);
  CHECK(json["resumed"][0]["epoch"] == 8);
  CHECK(json["resumed"][0]["changes"][0]["to"] == "60");

  const RunHistory read = read_history(folder / "versions.json");
  REQUIRE(read.parts.size() == 2);
  CHECK(read.config == history.config);
  CHECK(read.parts[1].step == 3);
  CHECK(read.parts[1].changes == history.parts[1].changes);
  CHECK(history_text(read) == history_text(history));
}

TEST_CASE("run history: versions.json of quench 0.1 is one part without a config") {
  const RunHistory old = history_from_text(versions_text(part(0, 0).versions));
  REQUIRE(old.parts.size() == 1);
  CHECK(old.parts[0].versions.threads == 2);
  CHECK(old.config.empty());
}

TEST_CASE("run history: a damaged file is an error that names it") {
  const TemporaryFolder folder;
  for (const char* text : {"", "[]", "{}", "{\"resumed\": 1}"}) {
    CAPTURE(text);
    std::ofstream(folder / "v") << text;
    CHECK_THROWS_WITH_AS(read_history(folder / "v"), doctest::Contains((folder / "v").c_str()),
                         std::runtime_error);
  }
}

TEST_CASE("run history: a part's config is the last one without later changes") {
  const RunHistory history{
      .parts = {part(0, 0),
                part(2, 0, {{"train.epochs", "2", "4"}, {"optimizer.lr", "0.1", "0.2"}}),
                part(4, 0, {{"train.epochs", "4", "8"}})},
      .config = {}};
  using Texts = std::vector<std::string>;
  CHECK(config_of_part(history, 2).empty());
  CHECK(config_of_part(history, 1) == Texts{"train.epochs=4"});
  CHECK(config_of_part(history, 0) == Texts{"optimizer.lr=0.1", "train.epochs=2"});
}

TEST_CASE("run history: a part counts up to the start of a later one") {
  using Ends = std::vector<std::pair<std::size_t, std::int64_t>>;
  CHECK(ends({.parts = {part(0, 0)}, .config = {}}) == Ends{{0, -1}});
  CHECK(ends({.parts = {part(0, 0), part(2, 1), part(5, 0)}, .config = {}}) ==
        Ends{{0, 2}, {1, 5}, {2, -1}});
  // Killed before it saved anything: the next one began at the same position.
  CHECK(ends({.parts = {part(0, 0), part(2, 1), part(2, 1)}, .config = {}}) ==
        Ends{{0, 2}, {2, -1}});
  // Its checkpoint was lost, and an earlier part's, too.
  CHECK(ends({.parts = {part(0, 0), part(3, 0), part(5, 0), part(2, 0)}, .config = {}}) ==
        Ends{{0, 2}, {3, -1}});
}

}  // namespace
}  // namespace quench::experiments
