#include "experiments/runs/run_listing.h"

#include <doctest/doctest.h>

#include <fstream>
#include <optional>
#include <stdexcept>

#include "experiments/runs/run_table.h"
#include "experiments/runs/small_run.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

/// A run folder like the program's; nothing is trained.
fs::path make_run(const fs::path& folder, const std::string& quant = "",
                  const std::optional<RunState>& state = RunState{.phase = RunPhase::done}) {
  fs::create_directories(folder);
  write_text(folder / "config.toml",
             "[model]\nname = \"binarynet\"\n[train]\nepochs = 3\n" + quant);
  if (state) write_text(folder / "state.json", text_of(*state));
  return folder;
}

void add_epochs(const fs::path& folder, int count) {
  for (int epoch = 1; epoch <= count; ++epoch) {
    MetricsWriter(folder / "metrics.csv")
        .append({.epoch = epoch, .top1_quantized = 10.0 * epoch, .top1_float = 20.0 * epoch});
  }
}

TEST_CASE("run listing: config, accuracy and state of a run") {
  const TemporaryFolder parent;
  const fs::path folder = make_run(parent / "a",
                                   "[quant]\nmethod = \"ab\"\nbits = 4\n"
                                   "activation = { method = \"ste\", bits = 8 }\n",
                                   RunState{.phase = RunPhase::stopped, .epoch = 2, .epochs = 3});
  add_epochs(folder, 2);
  const RunSummary run = summarize_run(folder);
  CHECK(run.damage == "");
  CHECK(run.model == "binarynet");
  CHECK(run.data == "synthetic");
  CHECK(run.method == "ab / ste");
  CHECK(run.weight_bits == 4);
  CHECK(run.activation_bits == 8);
  CHECK(run.top1_quantized == 20.0);
  CHECK(run.top1_float == 40.0);
  CHECK(run.state.phase == RunPhase::stopped);
}

TEST_CASE("run listing: epochs in metrics.csv count, whatever state.json says") {
  const TemporaryFolder parent;
  const fs::path folder = make_run(
      parent / "a", "", RunState{.phase = RunPhase::running, .epoch = 0, .epochs = 3, .step = 7});
  add_epochs(folder, 2);
  const RunState state = state_of_run(folder);
  CHECK(state.phase == RunPhase::killed);
  CHECK(state.epoch == 2);
  CHECK(state.epochs == 3);
  CHECK(state.step == 0);
}

TEST_CASE("run listing: a running run counts as killed unless a process holds its folder") {
  const TemporaryFolder parent;
  const fs::path folder = make_run(parent / "a", "", RunState{.phase = RunPhase::running});
  CHECK(state_of_run(folder).phase == RunPhase::killed);
  const RunFolder held = RunFolder::open(folder);
  CHECK(state_of_run(folder).phase == RunPhase::running);
}

TEST_CASE("run listing: without state.json, the other files determine the state") {
  const TemporaryFolder parent;
  const fs::path folder = make_run(parent / "a", "", std::nullopt);
  CHECK(state_of_run(folder).phase == RunPhase::killed);
  add_epochs(folder, 2);
  write_text(folder / "last.safetensors", "");
  CHECK(state_of_run(folder).phase == RunPhase::killed);
  CHECK(state_of_run(folder).epoch == 2);
  CHECK(state_of_run(folder).epochs == 3);
  add_epochs(folder, 1);
  CHECK(state_of_run(folder).phase == RunPhase::done);
  CHECK(state_of_run(folder).started.size() == std::string("2026-11-22T02:22:10Z").size());

  const fs::path quantized = make_run(parent / "b", "", std::nullopt);
  write_text(quantized / "last.safetensors", "");
  write_text(quantized / "quantize.json", R"({"top1_quantized": 70.5, "top1_float": 71})");
  CHECK(summarize_run(quantized).state.phase == RunPhase::done);
  CHECK(summarize_run(quantized).top1_quantized == 70.5);
}

TEST_CASE("run listing: searches folders recursively, but not links and run folders") {
  const TemporaryFolder parent;
  make_run(parent / "b");
  make_run(parent / "compare-x-1" / "lsq" / "seed-0");
  make_run(parent / "b" / "inner");
  fs::create_directories(parent / "empty");
  fs::create_directory_symlink(parent.path(), parent / "link");
  CHECK(find_runs(parent.path()) ==
        std::vector<fs::path>{parent / "b", parent / "compare-x-1" / "lsq" / "seed-0"});
  CHECK(find_runs(parent / "b") == std::vector<fs::path>{parent / "b"});
  CHECK_THROWS_WITH_AS(
      find_runs(parent / "none"),
      ((parent / "none").string() + ": expected a folder of runs, got a path that does not exist")
          .c_str(),
      std::runtime_error);
}

TEST_CASE("run listing: damage is reported, never thrown") {
  const TemporaryFolder parent;
  const auto damage = [&](const std::string& file, const std::string& text) {
    fs::remove_all(parent / "a");
    make_run(parent / "a");
    write_text(parent / "a" / file, text);
    return summarize_run(parent / "a").damage;
  };
  CHECK(damage("config.toml", "[model\n").find("config.toml") != std::string::npos);
  CHECK(damage("config.toml", "[nonsense]\nkey = 1\n").find("nonsense") != std::string::npos);
  CHECK(damage("metrics.csv", "a,b\n").find("expected the columns") != std::string::npos);
  CHECK(damage("state.json", "").find("expected the JSON") != std::string::npos);
  fs::remove(parent / "a" / "config.toml");
  CHECK(find_runs(parent.path()) == std::vector<fs::path>{parent / "a"});
  CHECK(summarize_run(parent / "a").damage == "no config.toml");
  CHECK(runs_text(std::vector{summarize_run(parent / "a")}).find("damaged") != std::string::npos);
}

}  // namespace
}  // namespace quench::experiments
