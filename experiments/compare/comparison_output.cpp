#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "experiments/compare/comparison_report.h"
#include "support/text_table.h"

namespace quench::experiments {
namespace {

using Json = nlohmann::ordered_json;

std::string number(const std::optional<double>& value, const char* format = "{:.2f}") {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

std::string interval(const std::optional<PairedDifference>& difference) {
  if (!difference || !difference->half_width) return "-";
  return fmt::format("{:+.2f} .. {:+.2f}", difference->mean - *difference->half_width,
                     difference->mean + *difference->half_width);
}

std::string seeds_done(const VariantSummary& summary) {
  std::string text = fmt::format("{}/{}", summary.done, summary.seeds);
  if (summary.failed > 0) text += fmt::format(", {} failed", summary.failed);
  return text;
}

const char* status(const RunOutcome& outcome) {
  return outcome.test ? "done" : outcome.failed ? "failed" : "missing";
}

/// The shortest digits that read back to the same bits; empty for a missing value.
std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

template <typename T, typename Value>
std::optional<double> member(const std::optional<T>& value, Value T::*which) {
  if (!value) return std::nullopt;
  return (*value).*which;
}

std::optional<double> median_seconds(const RunOutcome& outcome) {
  if (outcome.epoch_seconds.empty()) return std::nullopt;
  return median(outcome.epoch_seconds);
}

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const std::optional<Top1>& top1) {
  if (!top1) return nullptr;
  return {{"top1_quantized", json_of(top1->quantized)}, {"top1_float", top1->floating}};
}

Json json_of(const std::optional<PairedDifference>& difference) {
  if (!difference) return nullptr;
  Json interval = nullptr;
  if (const auto& half = difference->half_width) {
    interval = Json::array({difference->mean - *half, difference->mean + *half});
  }
  return {{"pairs", difference->pairs}, {"mean", difference->mean}, {"interval_95", interval}};
}

Json json_of(const ComparisonFolder& folder, const RunOutcome& outcome) {
  return {{"seed", outcome.run.seed},
          {"status", status(outcome)},
          {"test", json_of(outcome.test)},
          {"held_out", json_of(outcome.held_out)},
          {"epoch_seconds", outcome.epoch_seconds},
          {"folder", folder.run(outcome.run).string()}};
}

Json json_of(const VariantSummary& summary) {
  return {{"done", summary.done},
          {"failed", summary.failed},
          {"top1_mean", json_of(summary.mean)},
          {"top1_deviation", json_of(summary.deviation)},
          {"difference_to_first", json_of(summary.difference)},
          {"top1_float_mean", json_of(summary.float_mean)},
          {"held_out_top1_mean", json_of(summary.held_out_mean)},
          {"epoch_seconds_median", json_of(summary.epoch_seconds)}};
}

}  // namespace

std::string comparison_table(const Comparison& comparison,
                             const std::vector<VariantSummary>& summaries) {
  const auto has_held_out = [](const VariantSummary& s) { return s.held_out_mean.has_value(); };
  const bool held_out = std::ranges::any_of(summaries, has_held_out);
  using enum TextTable::Align;
  std::vector<TextTable::Column> columns{{"variant"},
                                         {"test top1 %", right},
                                         {"deviation", right},
                                         {"vs " + summaries.front().name, right},
                                         {"95 % interval", right}};
  if (held_out) columns.push_back({"held-out top1 %", right});
  columns.insert(columns.end(), {{"float top1 %", right}, {"s/epoch", right}, {"seeds", right}});
  TextTable table(std::move(columns));
  for (const VariantSummary& s : summaries) {
    std::vector<std::string> cells{s.name, number(s.mean), number(s.deviation),
                                   number(member(s.difference, &PairedDifference::mean), "{:+.2f}"),
                                   interval(s.difference)};
    if (held_out) cells.push_back(number(s.held_out_mean));
    cells.insert(cells.end(), {number(s.float_mean), number(s.epoch_seconds), seeds_done(s)});
    table.add(std::move(cells));
  }
  return fmt::format("{}, seeds {}: after the last epoch, differences paired by seed\n\n{}",
                     comparison.name, seeds_text(comparison.seeds), table.plain());
}

std::string comparison_csv(const ComparisonFolder& folder,
                           const std::vector<RunOutcome>& outcomes) {
  std::string text =
      "variant,seed,status,top1_quantized,top1_float,held_out_top1_quantized,held_out_top1_float,"
      "seconds_per_epoch,folder\n";
  for (const RunOutcome& outcome : outcomes) {
    text +=
        fmt::format("{},{},{},{},{},{},{},{},\"{}\"\n",
                    folder.comparison().variants.at(outcome.run.variant).variant.name,
                    outcome.run.seed, status(outcome), cell(member(outcome.test, &Top1::quantized)),
                    cell(member(outcome.test, &Top1::floating)),
                    cell(member(outcome.held_out, &Top1::quantized)),
                    cell(member(outcome.held_out, &Top1::floating)), cell(median_seconds(outcome)),
                    folder.run(outcome.run).string());
  }
  return text;
}

std::string comparison_json(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes,
                            const std::vector<VariantSummary>& summaries) {
  const Comparison& comparison = folder.comparison();
  Json variants = Json::array();
  for (std::size_t i = 0; i < comparison.variants.size(); ++i) {
    const ComparedVariant& variant = comparison.variants[i];
    Json runs = Json::array();
    for (const RunOutcome& outcome : outcomes) {
      if (outcome.run.variant == i) runs.push_back(json_of(folder, outcome));
    }
    variants.push_back({{"name", variant.variant.name},
                        {"overrides", variant.variant.overrides},
                        {"statistics", json_of(summaries.at(i))},
                        {"runs", std::move(runs)},
                        {"config", variant.config}});
  }
  const Json json{{"name", comparison.name},
                  {"config", comparison.config},
                  {"seeds", comparison.seeds},
                  {"threads", comparison.threads},
                  {"versions", Json::parse(versions_text(comparison.versions))},
                  {"variants", std::move(variants)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quench::experiments
