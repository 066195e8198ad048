#include "experiments/report/run_record.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

#include "experiments/compare/comparison_fixture.h"
#include "experiments/compare/comparison_folder.h"
#include "experiments/runs/run_state.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;
using namespace quench::experiments::report;

namespace {

std::filesystem::path make_run(const std::filesystem::path& folder, const std::string& config,
                               const RunState& state = {.phase = RunPhase::done}) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / kRunStateFile) << text_of(state);
  std::ofstream(folder / "config.toml") << config;
  return folder;
}

}  // namespace

TEST_CASE("run record: metrics.csv of an old run, and missing files") {
  const TemporaryFolder temporary;
  const auto folder = make_run(temporary / "a", "[train]\nepochs = 3\n",
                               {.phase = RunPhase::stopped, .epoch = 1, .epochs = 3});
  MetricsWriter(folder / "metrics.csv").append({.epoch = 1, .loss = NAN, .top1_quantized = 5.0});
  const RunRecord run = read_run_record(folder);
  CHECK(run.name == "a");
  REQUIRE(run.epochs.size() == 1);
  CHECK(std::isnan(run.epochs[0].row.loss));
  CHECK(run.epochs[0].row.top1_quantized == 5.0);
  CHECK(run.value_of("train.epochs") == "3");
  CHECK(run.value_of("quant.method").empty());
  CHECK(run.notes == std::vector<std::string>{"stopped, with 1 of 3 epochs done",
                                              "no versions.json: machine and command are unknown"});
}

TEST_CASE("run record: metrics.jsonl has layers; a trailing slash does not affect the name") {
  const TemporaryFolder temporary;
  const auto folder = make_run(temporary / "a", "[train]\nepochs = 1\n");
  append_to_file(folder / "metrics.jsonl",
                 line_of({.row = {.epoch = 1}, .layers = {{"conv1.weight", {{"scale", 0.5}}}}}));
  const RunRecord run = read_run_record(folder / "");
  CHECK(run.name == "a");
  CHECK(run.epochs.at(0).layers.at(0).slot == "conv1.weight");
}

TEST_CASE("run record: runs of quench quantize and import without epochs are not faulty") {
  const TemporaryFolder temporary;
  const auto make = [&](const std::string& name) {
    std::filesystem::create_directories(temporary / name);
    std::ofstream(temporary / name / "config.toml")
        << "[quant]\nmethod = \"pact\"\nactivation = { bits = 4 }\n";
    std::ofstream(temporary / name / "last.safetensors") << "x";
    return temporary / name;
  };
  const auto folder = make("ptq");
  std::ofstream(folder / "quantize.json")
      << R"({"top1_quantized": 70.5, "top1_float": 71, "images": 200})";
  const RunRecord ptq = read_run_record(folder);
  CHECK(ptq.origin == RunOrigin::quantized);
  CHECK(ptq.quantized->top1_quantized == 70.5);
  CHECK(ptq.quantized->top1_float == 71.0);
  CHECK(ptq.quantized->images == 200);
  CHECK(ptq.quant.method == "pact");  // from the config
  CHECK(ptq.quant.weight_bits == 8);
  CHECK(ptq.quant.activation_bits == 4);
  CHECK(ptq.notes == std::vector<std::string>{"no versions.json: machine and command are unknown"});
  CHECK(read_run_record(make("imported")).origin == RunOrigin::imported);
  CHECK(read_run_record(make_run(temporary / "trained", "")).origin == RunOrigin::trained);
}

TEST_CASE("run record: damaged files become notes, but a config is required") {
  const TemporaryFolder temporary;
  const auto folder = make_run(temporary / "a", "");
  std::ofstream(folder / "metrics.csv") << "what\n";
  std::ofstream(folder / "versions.json") << "{";
  const RunRecord run = read_run_record(folder);
  CHECK(run.epochs.empty());
  REQUIRE(run.notes.size() == 2);
  CHECK(run.notes[0].find("metrics.csv:1: expected the columns") != std::string::npos);
  CHECK(run.notes[1].starts_with("versions"));

  CHECK(read_run_record(make_run(temporary / "new", "")).notes.at(0) ==
        "no metrics.csv, so curves are missing");
  CHECK_THROWS_WITH_AS(
      read_run_record(temporary / "none"),
      ((temporary / "none").string() + ": expected a run folder, got a path that does not exist")
          .c_str(),
      std::runtime_error);
  CHECK_THROWS_AS(read_run_record(temporary.path()), std::runtime_error);
  CHECK_THROWS_AS(read_run_record(make_run(temporary / "bad", "a = \n")), std::runtime_error);
}

TEST_CASE("named_runs: run folders themselves, and those of a comparison that have begun") {
  const TemporaryFolder temporary;
  const ComparisonFolder comparison =
      ComparisonFolder::create_at(temporary / "c", small_comparison(temporary));
  CHECK_THROWS_AS(named_runs({(temporary / "c").string()}), std::runtime_error);
  make_run(temporary / "c/ste/seed-3", "");
  make_run(temporary / "c/none/seed-5", "");
  const auto runs = named_runs({"elsewhere", (temporary / "c").string()});
  REQUIRE(runs.size() == 3);
  CHECK(runs[0] == "elsewhere");
  CHECK(runs[1] == temporary / "c/ste/seed-3");
  CHECK(runs[2] == temporary / "c/none/seed-5");
  CHECK_THROWS_WITH_AS(named_runs({"a", "b", "./a"}), "report: the run ./a is named twice",
                       std::runtime_error);
}

TEST_CASE("name_runs: as much of the path as distinguishes runs; seeds share a colour") {
  std::vector<RunRecord> runs(4);
  const char* folders[] = {"/r/c/ste/seed-1", "/r/c/ste/seed-2", "/r/c/ab/seed-1",
                           "/r/other/ab/seed-1"};
  for (std::size_t i = 0; i < 4; ++i) {
    runs[i].folder = folders[i];
    runs[i].config = {{"quant.method", i < 2 ? "ste" : "ab"}, {"train.seed", std::to_string(i)}};
  }
  name_runs(runs);
  CHECK(runs[0].name == "c/ste/seed-1");
  CHECK(runs[3].name == "other/ab/seed-1");
  CHECK(runs[0].group == 0);
  CHECK(runs[1].group == 0);
  CHECK(runs[2].group == 1);
  CHECK(runs[3].group == 1);
  std::vector<RunRecord> two{runs[0], runs[2]};
  name_runs(two);
  CHECK(two[1].name == "ab/seed-1");
}
