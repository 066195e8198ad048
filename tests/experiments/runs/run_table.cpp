#include "experiments/runs/run_table.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace quench::experiments {
namespace {

RunSummary run(const std::string& folder, const std::string& method, std::optional<double> top1) {
  return {.folder = folder,
          .model = "binarynet",
          .data = "cifar10",
          .method = method,
          .weight_bits = method == "none" ? 32 : 4,
          .activation_bits = method == "none" ? 32 : 8,
          .top1_quantized = top1,
          .top1_float = top1,
          .state = {
              .phase = RunPhase::done, .epoch = 3, .epochs = 8, .started = "2026-11-22T02:22:10Z"}};
}

std::vector<RunSummary> some_runs() {
  return {run("a", "ab", 70.0),
          run("b", "none", 90.0),
          run("c", "lsq", 80.0),
          {.folder = "d", .damage = "no config.toml"}};
}

std::string accepted(const std::string& filter) {
  std::string folders;
  for (const RunSummary& each : some_runs()) {
    if (RunFilter(filter).accepts(each)) folders += each.folder.string();
  }
  return folders;
}

std::string sorted(const std::string& key, bool reversed = false) {
  std::vector<RunSummary> runs = some_runs();
  sort_runs(runs, key, reversed);
  std::string folders;
  for (const RunSummary& each : runs) folders += each.folder.string();
  return folders;
}

TEST_CASE("run filters: numbers have an order, strings only equality") {
  CHECK(accepted("method=ab") == "a");
  CHECK(accepted("method!=ab") == "bc");
  CHECK(accepted("top1_quantized>70") == "c");
  CHECK(accepted("top1_quantized>=70") == "ac");
  CHECK(accepted("top1_quantized<80") == "a");  // unknown values match nothing
  CHECK(accepted("weight_bits<=4") == "ac");
  CHECK(accepted("state=damaged") == "d");
  CHECK(accepted("started<2026-12") == "abc");
  CHECK(accepted("started=2026-11-22") == "abc");
  CHECK(accepted("started>2026-11-22") == "");
  CHECK(accepted("started>=2026-11-22T02:22") == "abc");
}

TEST_CASE("run filters: a malformed one is an error that says what is accepted") {
  CHECK_THROWS_WITH_AS(RunFilter("ab"),
                       "runs --filter: expected key=value, key<value or key>value, got 'ab'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(RunFilter("method<ab"),
                       "runs --filter: method<ab: strings have no order: expected = or !=, got '<'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(RunFilter("epoch=three"),
                       "runs --filter: epoch=three: expected a number, got 'three'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(RunFilter("epoch<nan"),
                       "runs --filter: epoch<nan: expected a number, got 'nan'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      RunFilter("started>2026-02-31"),
      "runs --filter: started>2026-02-31: expected a time (UTC) such as 2026-11-22 or "
      "2026-11-22T02:22, got '2026-02-31'",
      std::invalid_argument);
  CHECK_THROWS_AS(RunFilter("started>2026-13"), std::invalid_argument);
  CHECK_THROWS_AS(RunFilter("started>2026-11-22T24:00"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      RunFilter("started>yesterday"),
      "runs --filter: started>yesterday: expected a time (UTC) such as 2026-11-22 or "
      "2026-11-22T02:22, got 'yesterday'",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(RunFilter("state=finished"),
                       "runs --filter: state=finished: expected a state, got 'finished' (accepted: "
                       "damaged, running, done, stopped, killed, failed)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(RunFilter("epoch=>3"),
                       "runs --filter: epoch=>3: expected =, !=, <, <=, > or >=, got '=>'",
                       std::invalid_argument);
  CHECK_THROWS_AS(RunFilter("metod=ab"), std::invalid_argument);
}

TEST_CASE("run table: sorted in both directions, unknown values last") {
  CHECK(sorted("top1_quantized") == "cabd");
  CHECK(sorted("top1_quantized", true) == "acbd");
  CHECK(sorted("method") == "acbd");
  CHECK_THROWS_AS(sorted("top1"), std::invalid_argument);
}

TEST_CASE("run table: as text and as JSON") {
  const std::string text = runs_text(some_runs());
  CHECK(text.find("4 / 8") != std::string::npos);
  CHECK(text.find("fp32") != std::string::npos);
  CHECK(text.find("2026-11-22 02:22") != std::string::npos);
  CHECK(text.find("90.00        90.00") == std::string::npos);  // a float network has one accuracy
  CHECK(text.ends_with("\nd: no config.toml\n"));
  const auto json = nlohmann::json::parse(runs_json(some_runs()));
  REQUIRE(json.size() == 4);
  CHECK(json[0]["top1_quantized"] == 70.0);
  for (const char* key : {"weight_bits", "activation_bits", "epoch", "epochs"})
    CHECK(json[0][key].is_number_integer());
  CHECK(json[1]["top1_quantized"].is_null());
  CHECK(json[3]["state"] == "damaged");
  CHECK(json[3]["message"] == "no config.toml");
  for (const std::string& key : run_keys()) CHECK(json[0].contains(key));

  RunSummary untrained = run("e", "lsq", 75.0);  // by `quench quantize`
  untrained.state.epoch = untrained.state.epochs = 0;
  CHECK(nlohmann::json::parse(runs_json({&untrained, 1}))[0]["epochs"].is_null());
}

}  // namespace
}  // namespace quench::experiments
