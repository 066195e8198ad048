#include "experiments/compare/comparison_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/runs/metrics.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

Top1 read_test(const fs::path& path) {
  const std::string text = read_text(path);
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    Top1 top1{.floating = json.at("top1_float")};
    if (json.contains("top1_quantized")) top1.quantized = json["top1_quantized"].get<double>();
    return top1;
  } catch (const nlohmann::json::exception& error) {
    fail("{}: expected the output of quench eval --json, got {}", path.string(), error.what());
  }
}

using BySeed = std::map<std::uint64_t, double>;

BySeed accuracies(const std::vector<RunOutcome>& outcomes, std::size_t variant) {
  BySeed result;
  for (const RunOutcome& outcome : outcomes) {
    if (outcome.run.variant == variant && outcome.test) {
      result[outcome.run.seed] = outcome.test->of_network();
    }
  }
  return result;
}

std::optional<PairedDifference> difference(const BySeed& values, const BySeed& baseline) {
  std::vector<double> paired_values, paired_baseline;
  for (const auto& [seed, value] : values) {
    const auto other = baseline.find(seed);
    if (other == baseline.end()) continue;
    paired_values.push_back(value);
    paired_baseline.push_back(other->second);
  }
  if (paired_values.empty()) return std::nullopt;
  return paired_difference(paired_values, paired_baseline);
}

std::optional<double> mean_of(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

VariantSummary summarize_variant(const std::string& name, std::size_t variant,
                                 const std::vector<RunOutcome>& outcomes) {
  VariantSummary summary{.name = name};
  std::vector<double> test, floating, held_out, seconds;
  for (const RunOutcome& outcome : outcomes) {
    if (outcome.run.variant != variant) continue;
    ++summary.seeds;
    summary.failed += outcome.failed ? 1 : 0;
    if (!outcome.test) continue;
    ++summary.done;
    test.push_back(outcome.test->of_network());
    floating.push_back(outcome.test->floating);
    if (outcome.held_out) held_out.push_back(outcome.held_out->of_network());
    seconds.insert(seconds.end(), outcome.epoch_seconds.begin(), outcome.epoch_seconds.end());
  }
  summary.mean = mean_of(test);
  summary.deviation = sample_deviation(test);
  summary.float_mean = mean_of(floating);
  summary.held_out_mean = mean_of(held_out);
  if (!seconds.empty()) summary.epoch_seconds = median(std::move(seconds));
  return summary;
}

}  // namespace

RunOutcome read_outcome(const ComparisonFolder& folder, const ComparisonRun& run, bool failed) {
  RunOutcome outcome{.run = run, .failed = failed};
  if (failed || !folder.is_done(run)) return outcome;
  outcome.test = read_test(folder.test(run));
  const fs::path metrics = folder.run(run) / "metrics.csv";
  const std::vector<MetricsRow> rows = read_metrics(metrics);
  const ComparedVariant& variant = folder.comparison().variants.at(run.variant);
  if (static_cast<std::int64_t>(rows.size()) != variant.epochs) {
    fail("{}: expected {} epochs of a finished run, got {}", metrics.string(), variant.epochs,
         rows.size());
  }
  for (const MetricsRow& row : rows) outcome.epoch_seconds.push_back(row.seconds);
  if (variant.held_out) {
    outcome.held_out = Top1{.floating = rows.back().top1_float};
    if (outcome.test->quantized) outcome.held_out->quantized = rows.back().top1_quantized;
  }
  return outcome;
}

std::vector<RunOutcome> read_outcomes(const ComparisonFolder& folder,
                                      const std::vector<ComparisonRun>& failed) {
  std::vector<RunOutcome> outcomes;
  const Comparison& comparison = folder.comparison();
  for (std::size_t variant = 0; variant < comparison.variants.size(); ++variant) {
    for (const std::uint64_t seed : comparison.seeds) {
      const ComparisonRun run{variant, seed};
      const bool has_failed = std::ranges::find(failed, run) != failed.end();
      outcomes.push_back(read_outcome(folder, run, has_failed));
    }
  }
  return outcomes;
}

std::vector<VariantSummary> summarize(const Comparison& comparison,
                                      const std::vector<RunOutcome>& outcomes) {
  std::vector<VariantSummary> summaries;
  const BySeed baseline = accuracies(outcomes, 0);
  for (std::size_t i = 0; i < comparison.variants.size(); ++i) {
    summaries.push_back(summarize_variant(comparison.variants[i].variant.name, i, outcomes));
    if (i > 0) summaries.back().difference = difference(accuracies(outcomes, i), baseline);
  }
  return summaries;
}

}  // namespace quench::experiments
