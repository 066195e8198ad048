#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/text_number.h"
#include "train/progress.h"
#include "train/report/format.h"
#include "train/report/html.h"
#include "train/report/sections.h"

namespace quench::train::report {
namespace {

const MetricsRow* last_row(const RunReport& run) {
  return run.record.epochs.empty() ? nullptr : &run.record.epochs.back().row;
}

/// Percent after the last epoch; NaN if unknown.
double top1(const RunReport& run) {
  const MetricsRow* row = last_row(run);
  return row != nullptr ? row->top1_quantized : std::numeric_limits<double>::quiet_NaN();
}

bool is_quantized(const RunReport& run) {
  return run.measured ? run.measured->method != "none"
                      : run.record.value_of("quant.method") != "none";
}

/// Null if no run has a number.
const RunReport* best_of(Runs runs) {
  const RunReport* best = nullptr;
  for (const RunReport& run : runs) {
    if (std::isfinite(top1(run)) && (best == nullptr || top1(run) > top1(*best))) best = &run;
  }
  return best;
}

std::string images_text(const RunReport& run) {
  if (!run.measured || run.measured->judged_images == 0) return "the images it is judged by";
  return fmt::format("{} {} images", grouped(run.measured->judged_images),
                     run.measured->held_out ? "held-out" : "test");
}

/// Half the 95 % interval of a difference of two accuracies, each a share of `images` that are drawn
/// at random: what chance alone does.
double chance(double a, double b, std::int64_t images) {
  const auto variance = [&](double top1_percent) {
    const double share = top1_percent / 100.0;
    return share * (1.0 - share) / static_cast<double>(images);
  };
  return 196.0 * std::sqrt(variance(a) + variance(b));
}

/// Null if no other run than the best has a number.
const RunReport* second_of(Runs runs, const RunReport& best) {
  const RunReport* second = nullptr;
  for (const RunReport& run : runs) {
    if (&run != &best && std::isfinite(top1(run)) &&
        (second == nullptr || top1(run) > top1(*second)))
      second = &run;
  }
  return second;
}

std::string next_best_text(Runs runs, const RunReport& best) {
  const RunReport* second = second_of(runs, best);
  if (second == nullptr) return "";
  const double lead = top1(best) - top1(*second);
  std::string text = lead == 0.0
                         ? fmt::format(", as {} is", run_label(*second))
                         : fmt::format(", {:.2f} points above {}", lead, run_label(*second));
  if (!best.measured || best.measured->judged_images == 0) return text + ".";
  const double margin = chance(top1(best), top1(*second), best.measured->judged_images);
  text += lead > margin
              ? fmt::format(". By these images alone chance makes up to {:.2f} points", margin)
              : fmt::format(
                    ". That may be chance: these images tell apart no less than "
                    "{:.2f} points",
                    margin);
  return text + (has_seeds(runs)
                     ? " (95 %); means over seeds are <a href=\"#seeds\">below</a>."
                     : " (95 %); other seeds make more, see <code>quench compare</code>.");
}

/// " The float weights underneath reach 90.00 %, so quantization costs 6.25 points"; nothing for a
/// float network.
std::string cost_text(const RunReport& run, const std::string& whose) {
  if (!is_quantized(run)) return "";
  const MetricsRow& row = *last_row(run);
  const double cost = row.top1_float - row.top1_quantized;
  return fmt::format(" The float weights {} reach {}, so quantization costs {}.", whose,
                     percent(row.top1_float),
                     cost > 0.0 ? fixed(cost, 2) + " points" : std::string("nothing"));
}

std::string verdict(Runs runs) {
  const RunReport* best = best_of(runs);
  if (best == nullptr) return "<p class=\"verdict\">No run has finished an epoch yet.</p>\n";
  const MetricsRow& row = *last_row(*best);
  std::string text =
      runs.size() == 1
          ? fmt::format("{} classifies <strong>{}</strong> of {}", run_label(*best),
                        percent(row.top1_quantized), images_text(*best))
          : fmt::format("<strong>{} is best</strong>: <strong>{}</strong> of {}", run_label(*best),
                        percent(row.top1_quantized), images_text(*best));
  text += runs.size() > 1 ? next_best_text(runs, *best) : ".";
  if (runs.size() > 1 && text.back() != '.') text += ".";
  text += cost_text(*best, "underneath");
  if (const RunReport* second = second_of(runs, *best))
    text += cost_text(*second, "of " + run_label(*second));
  return fmt::format("<p class=\"verdict\">{}</p>\n", text);
}

double total_seconds(const RunReport& run) {
  double seconds = 0.0;
  for (const EpochMetrics& epoch : run.record.epochs) seconds += epoch.row.seconds;
  return seconds;
}

std::string size_text(const Measurements& measured) {
  const NetworkCost& cost = measured.cost;
  return fmt::format("{} KiB ({:.1f} x smaller)", kib(cost.weight_bytes),
                     cost.float_bytes / cost.weight_bytes);
}

std::vector<HtmlCell> headline_row(const RunReport& run, const RunReport* best) {
  const MetricsRow* row = last_row(run);
  const auto& measured = run.measured;
  const bool quantized = is_quantized(run);
  const auto value = [row](double MetricsRow::*member) {
    return row != nullptr ? std::optional(row->*member) : std::nullopt;
  };
  std::vector<HtmlCell> cells{
      HtmlCell::raw(run_label(run) + (&run == best ? " <span class=\"best\">best</span>" : "")),
      measured ? measured->method : run.record.value_of("quant.method"),
      measured ? measured->bits : kDash,
      percent(value(&MetricsRow::top1_quantized)),
      best != nullptr && row != nullptr ? signed_points(top1(run) - top1(*best)) : kDash,
      percent(value(&MetricsRow::top1_float)),
      row != nullptr && quantized ? fixed(row->top1_float - row->top1_quantized, 2) : kDash,
      measured ? size_text(*measured) : kDash,
      std::to_string(run.record.epochs.size()),
      row != nullptr ? format_duration(total_seconds(run)) : kDash};
  if (&run == best) cells[3].css_class = "best-value";
  return cells;
}

std::string notes_list(Runs runs) {
  std::string items;
  for (const RunReport& run : runs) {
    for (const std::string& note : run.record.notes)
      items += fmt::format("<li>{}: {}</li>\n", run_label(run), escape_html(note));
  }
  return items.empty() ? "" : fmt::format("<ul class=\"notes\">\n{}</ul>\n", items);
}

}  // namespace

std::string headline_section(Runs runs) {
  HtmlTable table({{"run"},
                   {"method"},
                   {"bits, W x A"},
                   {"top1 quantized", true},
                   {"to the best", true},
                   {"top1 float", true},
                   {"cost of quantizing", true},
                   {"weights", true},
                   {"epochs", true},
                   {"time", true}});
  const RunReport* best = best_of(runs);
  for (const RunReport& run : runs) table.add(headline_row(run, runs.size() > 1 ? best : nullptr));
  return section("result", "Result", verdict(runs) + table.html() + notes_list(runs));
}

}  // namespace quench::train::report
