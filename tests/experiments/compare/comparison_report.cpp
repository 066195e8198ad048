#include "experiments/compare/comparison_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "experiments/compare/comparison_fixture.h"
#include "experiments/runs/metrics.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

/// The files of a finished run that a report reads. Its epochs take 1 and `seconds`.
void finish_run(const ComparisonFolder& folder, const ComparisonRun& run, Top1 test,
                double seconds) {
  std::filesystem::create_directories(folder.run(run));
  MetricsWriter metrics(folder.run(run) / "metrics.csv");
  // A first epoch that is better than the last, but must not count.
  metrics.append({.epoch = 1, .top1_quantized = 99.0, .top1_float = 99.0, .seconds = 1.0});
  metrics.append({.epoch = 2,
                  .top1_quantized = test.of_network() - 1.0,
                  .top1_float = test.floating - 1.0,
                  .seconds = seconds});
  nlohmann::json json{{"top1_float", test.floating}};
  if (test.quantized) json["top1_quantized"] = *test.quantized;
  write_file_atomically(folder.test(run), json.dump());
}

ComparisonFolder make_folder(const TemporaryFolder& folder,
                             const std::vector<std::string>& overrides = {}) {
  return ComparisonFolder::create_at(folder / "c", small_comparison(folder, overrides));
}

/// ste: 60 and 64; none: 63 and 71, so above by 3 and 7.
ComparisonFolder finished_folder(const TemporaryFolder& folder,
                                 const std::vector<std::string>& overrides = {}) {
  ComparisonFolder result = make_folder(folder, overrides);
  finish_run(result, {0, 3}, {60.0, 70.0}, 2.0);
  finish_run(result, {0, 5}, {64.0, 72.0}, 4.0);
  finish_run(result, {1, 3}, {std::nullopt, 63.0}, 3.0);
  finish_run(result, {1, 5}, {std::nullopt, 71.0}, 3.0);
  return result;
}

}  // namespace

TEST_CASE("summarize: mean, deviation and paired interval against numbers worked out by hand") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = finished_folder(temporary);
  const auto summaries = summarize(folder.comparison(), read_outcomes(folder));
  REQUIRE(summaries.size() == 2);
  CHECK(summaries[0].mean == 62.0);
  CHECK(summaries[0].deviation.value() == doctest::Approx(2.8284271));  // sqrt(8)
  CHECK(summaries[0].float_mean == 71.0);
  CHECK(summaries[0].epoch_seconds == 1.5);  // of 1, 1, 2, 4
  CHECK_FALSE(summaries[0].difference.has_value());
  CHECK_FALSE(summaries[0].held_out_mean.has_value());
  CHECK(summaries[1].mean == 67.0);
  REQUIRE(summaries[1].difference.has_value());
  CHECK(summaries[1].difference->mean == 5.0);
  // t(0.975, 1) = 12.7062, deviation of (3, 7) = sqrt(8), over sqrt(2).
  CHECK(summaries[1].difference->half_width.value() == doctest::Approx(25.4124).epsilon(1e-5));
}

TEST_CASE("comparison_table: one line per variant") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = finished_folder(temporary);
  const Comparison& comparison = folder.comparison();
  CHECK(
      comparison_table(comparison, summarize(comparison, read_outcomes(folder))) ==
      "small, seeds 3,5: after the last epoch, differences paired by seed\n"
      "\n"
      "variant  test top1 %  deviation  vs ste     95 % interval  float top1 %  s/epoch  seeds\n"
      "-------  -----------  ---------  ------  ----------------  ------------  -------  -----\n"
      "ste            62.00       2.83       -                 -         71.00     1.50    2/2\n"
      "none           67.00       5.66   +5.00  -20.41 .. +30.41         67.00     2.00    2/2\n");
}

TEST_CASE("comparison_table: held-out images get a column, for the last epoch") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = finished_folder(temporary, {"data.validation_size=8"});
  const Comparison& comparison = folder.comparison();
  const std::string table =
      comparison_table(comparison, summarize(comparison, read_outcomes(folder)));
  CHECK(table.find("held-out top1 %") != std::string::npos);
  CHECK(table.find("61.00") != std::string::npos);  // 62 - 1
}

TEST_CASE("report: other seeds stay paired if some failed or are missing") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = make_folder(temporary);
  finish_run(folder, {0, 3}, {60.0, 70.0}, 2.0);
  finish_run(folder, {0, 5}, {64.0, 72.0}, 2.0);
  finish_run(folder, {1, 5}, {std::nullopt, 65.0}, 2.0);
  const auto outcomes = read_outcomes(folder, {{1, 3}});
  const auto summaries = summarize(folder.comparison(), outcomes);
  CHECK(summaries[1].done == 1);
  CHECK(summaries[1].failed == 1);
  CHECK(summaries[1].difference->mean == 1.0);
  CHECK_FALSE(summaries[1].difference->half_width.has_value());
  const std::string table = comparison_table(folder.comparison(), summaries);
  CHECK(table.find("none           65.00          -   +1.00              -         65.00     1.50 "
                   " 1/2, 1 failed\n") != std::string::npos);

  const std::string runs = (temporary / "c").string();
  CHECK(comparison_csv(folder, outcomes) ==
        "variant,seed,status,top1_quantized,top1_float,held_out_top1_quantized,"
        "held_out_top1_float,seconds_per_epoch,folder\n"
        "ste,3,done,60,70,,,1.5,\"" +
            runs +
            "/ste/seed-3\"\n"
            "ste,5,done,64,72,,,1.5,\"" +
            runs +
            "/ste/seed-5\"\n"
            "none,3,failed,,,,,,\"" +
            runs +
            "/none/seed-3\"\n"
            "none,5,done,,65,,,1.5,\"" +
            runs + "/none/seed-5\"\n");

  const auto json = nlohmann::json::parse(comparison_json(folder, outcomes, summaries));
  CHECK(json["variants"][1]["runs"][0]["status"] == "failed");
  CHECK(json["variants"][1]["statistics"]["difference_to_first"]["interval_95"].is_null());
  CHECK(json["variants"][0]["runs"][0]["test"]["top1_quantized"] == 60.0);
  CHECK(json["variants"][1]["runs"][1]["test"]["top1_quantized"].is_null());  // a float network
  CHECK(json["variants"][0]["runs"][0]["seed"].is_number_integer());
  CHECK(json["variants"][0]["statistics"]["top1_mean"] == 62.0);
  CHECK(json["versions"].contains("commit"));
  CHECK(json["seeds"] == nlohmann::json{3, 5});
}

TEST_CASE("report: without finished runs, the table has dashes") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = make_folder(temporary);
  const auto summaries = summarize(folder.comparison(), read_outcomes(folder));
  CHECK(summaries[1].done == 0);
  CHECK_FALSE(summaries[1].difference.has_value());
  CHECK(comparison_table(folder.comparison(), summaries).find("0/2") != std::string::npos);
}

TEST_CASE("report: a damaged result or missing epochs are an error that names the file") {
  const TemporaryFolder temporary;
  const ComparisonFolder folder = finished_folder(temporary);
  MetricsWriter(folder.run({0, 3}) / "metrics.csv").truncate(1);
  CHECK_THROWS_WITH_AS(read_outcomes(folder),
                       ((folder.run({0, 3}) / "metrics.csv").string() +
                        ": expected 2 epochs of a finished run, got 1")
                           .c_str(),
                       std::runtime_error);
  write_file_atomically(folder.test({0, 3}), std::string_view("{}"));
  CHECK_THROWS_AS(read_outcomes(folder), std::runtime_error);
}
