#include "experiments/compare/comparison.h"

#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "experiments/compare/comparison_fixture.h"
#include "experiments/compare/comparison_folder.h"
#include "experiments/config/config.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

std::string difference(const Comparison& started, const Comparison& wanted) {
  const std::string error = error_of([&] { require_same(started, wanted, "runs/c"); });
  const std::size_t end = error.find("): ");
  return end == std::string::npos ? error : error.substr(end + 3);
}

}  // namespace

TEST_CASE("resolve_comparison: each variant has its full config, with its overrides") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder, {"train.epochs=3"});
  CHECK(comparison.name == "small");
  REQUIRE(comparison.variants.size() == 2);
  for (const ComparedVariant& compared : comparison.variants) {
    CAPTURE(compared.variant.name);
    CHECK(compared.epochs == 3);
    CHECK_FALSE(compared.held_out);
    std::ofstream(folder / "again.toml") << compared.config;
    const ExperimentConfig config = load_experiment(folder / "again.toml");
    CHECK(config.train.epochs == 3);
    CHECK(config.train.seed == 3);
    CHECK(config.train.threads == 2);
    CHECK(config.quant.settings.text("method") == compared.variant.name);
    CHECK(config.quant.settings.integer("bits") == 4);
  }
  CHECK(small_comparison(folder, {"data.validation_size=8"}).variants[0].held_out);
}

TEST_CASE("resolve_comparison: the config's number of threads is kept") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder, {"train.threads=1"});
  CHECK(comparison.variants[0].config.find("threads = 1\n") != std::string::npos);
}

TEST_CASE("resolve_comparison: errors are found before anything runs, and name the variant") {
  const TemporaryFolder folder;
  const auto path = write_small_experiment(folder);
  const auto error_with = [&](const std::string& axis, std::vector<std::string> overrides = {}) {
    return error_of(
        [&] { resolve_comparison(path, overrides, make_variants({}, {axis}), {0}, 1, {}); });
  };
  CHECK(error_with("quant.method=ste,stee").starts_with("variant stee: --set quant.method=stee: "));
  CHECK(error_with("quant.bits=4,99").starts_with("variant bits=99: --set quant.bits=99: "));
  CHECK(error_with("modle.width=1").starts_with("variant width=1: "));
  CHECK(error_with("train.init_from=nowhere").find("nowhere") != std::string::npos);
  CHECK(error_with("quant.bits=4", {"train.seed=3"}) ==
        "compare: expected no train.seed, got train.seed=3; --seeds gives the seeds");
}

TEST_CASE("all_runs: every variant with one seed before the next seed") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder);
  CHECK(all_runs(comparison) == std::vector<ComparisonRun>{{0, 3}, {1, 3}, {0, 5}, {1, 5}});
  CHECK(run_name(comparison, {1, 5}) == "none seed 5");
}

TEST_CASE("comparison: a round trip changes nothing; a damaged file is an error") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder, {"data.validation_size=8"});
  const auto path = folder / "comparison.json";
  write_comparison(path, comparison);
  const Comparison again = read_comparison(path);
  CHECK(difference(comparison, again) == "no error");
  CHECK(again.name == "small");
  CHECK(again.threads == 2);
  CHECK(again.versions.compiler == comparison.versions.compiler);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(again.variants[i].variant == comparison.variants[i].variant);
    CHECK(again.variants[i].data_dir == std::filesystem::absolute("data"));
    CHECK(again.variants[i].epochs == 2);
    CHECK(again.variants[i].held_out);
  }
  std::ofstream(path) << "{\"name\": 3}";
  CHECK(error_of([&] {
          read_comparison(path);
        }).starts_with(path.string() + ": expected a comparison as quench compare writes it"));
}

TEST_CASE("require_same: the first difference is named") {
  const TemporaryFolder folder;
  const Comparison started = small_comparison(folder);
  CHECK(difference(started, small_comparison(folder)) == "no error");
  Comparison other = started;
  other.seeds = {3, 4, 5};
  CHECK(difference(started, other) == "its seeds are 3,5, not 3..5");
  other = started;
  other.variants.pop_back();
  CHECK(difference(started, other) == "its variants are ste, none, not ste");
  CHECK(difference(started, small_comparison(folder, {"train.epochs=3"})) ==
        "variant ste has 'epochs = 2' there, 'epochs = 3' here");
}

TEST_CASE("ComparisonFolder: holds the comparison and each variant's config, and is reopened") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder);
  const auto path = folder / "c";
  {
    const ComparisonFolder made = ComparisonFolder::create_at(path, comparison);
    CHECK(made.run({1, 5}) == path / "none" / "seed-5");
    CHECK(error_of([&] { ComparisonFolder::open(path); }).find("in use") != std::string::npos);
  }
  CHECK(ComparisonFolder::is_one(path));
  std::filesystem::remove_all(path / "none");  // it is written again
  const ComparisonFolder opened = ComparisonFolder::open(path);
  CHECK(opened.comparison().variants.at(1).config == comparison.variants[1].config);
  CHECK(load_experiment(opened.config({.variant = 1})).quant.settings.text("method") == "none");
  CHECK_FALSE(opened.is_done({1, 5}));
}

TEST_CASE("ComparisonFolder: rejects a folder with other contents") {
  const TemporaryFolder folder;
  const Comparison comparison = small_comparison(folder);
  CHECK(error_of([&] { ComparisonFolder::create_at(folder.path(), comparison); }) ==
        "comparison " + folder.path().string() +
            ": expected a new or empty folder, got one with small.toml");
  CHECK(error_of([&] { ComparisonFolder::open(folder.path()); }) ==
        "comparison " + folder.path().string() +
            ": expected a folder of an earlier comparison, got one without comparison.json");
  CHECK(error_of([&] {
          ComparisonFolder::open(folder / "no");
        }).ends_with("got a path that does not exist"));
  const ComparisonFolder numbered = ComparisonFolder::create(folder.path(), comparison);
  CHECK(numbered.path() == folder / "compare-small-1");
}
