#include <algorithm>
#include <map>
#include <vector>

#include "experiments/compare/statistics.h"
#include "experiments/report/comparable.h"
#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

/// Runs that differ only in the seed and have at least one epoch.
struct Variant {
  const RunReport* first = nullptr;
  std::map<std::string, const MetricsRow*> rows;  ///< each seed's last row

  std::vector<double> values(double MetricsRow::*member) const {
    std::vector<double> result;
    for (const auto& [seed, row] : rows) result.push_back(row->*member);
    return result;
  }
};

std::vector<Variant> variants_of(Runs runs) {
  std::map<int, Variant> groups;
  for (const RunReport& run : runs) {
    if (run.record.epochs.empty()) continue;
    Variant& variant = groups[run.record.group];
    if (variant.first == nullptr) variant.first = &run;
    variant.rows[run.record.value_of("train.seed")] = &run.record.epochs.back().row;
  }
  std::vector<Variant> result;
  for (auto& [group, variant] : groups) result.push_back(std::move(variant));
  return result;
}

std::string difference_text(const Variant& variant, const Variant& baseline) {
  if (!obstacles(*variant.first, *baseline.first).empty()) return kDash;
  std::vector<double> values, others;
  for (const auto& [seed, row] : variant.rows) {
    const auto other = baseline.rows.find(seed);
    if (other == baseline.rows.end()) continue;
    values.push_back(row->top1_quantized);
    others.push_back(other->second->top1_quantized);
  }
  if (values.empty()) return kDash;
  const PairedDifference difference = paired_difference(values, others);
  const std::string points = signed_points(difference.mean);
  return difference.half_width ? fmt::format("{} ± {}", points, fixed(*difference.half_width, 2))
                               : points;
}

std::vector<HtmlCell> row_of(const Variant& variant, const Variant& baseline) {
  const std::vector<double> top1 = variant.values(&MetricsRow::top1_quantized);
  const auto deviation = sample_deviation(top1);
  return {HtmlCell::raw(run_label(*variant.first, variant.first->record.variant())),
          std::to_string(top1.size()),
          percent(mean(top1)),
          deviation ? fixed(*deviation, 2) : kDash,
          &variant == &baseline ? kDash : difference_text(variant, baseline),
          percent(mean(variant.values(&MetricsRow::top1_float)))};
}

constexpr const char* kHint =
    "<p class=\"hint\">Means over the seeds after each run's last epoch; the deviation is that of "
    "a "
    "single run. The difference is over the seeds that both have, ± half its 95 % interval "
    "(Student's t).</p>\n";

}  // namespace

bool has_seeds(Runs runs) {
  return std::ranges::any_of(variants_of(runs), [](const Variant& v) { return v.rows.size() > 1; });
}

std::string seeds_section(Runs runs) {
  if (!has_seeds(runs)) return "";
  const std::vector<Variant> variants = variants_of(runs);
  HtmlTable table({{"variant"},
                   {"seeds", true},
                   {"top1 quantized", true},
                   {"deviation", true},
                   {"to " + variants.front().first->record.variant(), true},
                   {"top1 float", true}});
  for (const Variant& variant : variants) table.add(row_of(variant, variants.front()));
  return section("seeds", "Over seeds", kHint + table.html());
}

}  // namespace quench::experiments::report
