#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/compare/statistics.h"
#include "experiments/report/comparable.h"
#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::experiments::report {
namespace {

using Group = std::vector<const RunReport*>;

/// Percent; NaN if unknown.
double top1(const RunReport& run) {
  const auto accuracy = accuracy_of(run);
  return accuracy ? accuracy->quantized : std::numeric_limits<double>::quiet_NaN();
}

/// The best run other than `but`; null if none has an accuracy.
const RunReport* best_of(const Group& group, const RunReport* but = nullptr) {
  const RunReport* best = nullptr;
  for (const RunReport* run : group) {
    if (run != but && std::isfinite(top1(*run)) && (best == nullptr || top1(*run) > top1(*best)))
      best = run;
  }
  return best;
}

std::string images_text(const RunReport& run) {
  if (!run.measured || run.measured->evaluation_images == 0) return "its evaluation images";
  const std::int64_t all = run.measured->evaluation_images, images = accuracy_of(run)->images;
  return fmt::format("{}{} {} images",
                     images > 0 && images < all ? fmt::format("{} of the ", grouped(images)) : "",
                     grouped(all), run.measured->held_out ? "held-out" : "test");
}

/// Half the 95 % interval of the difference between two accuracies, each measured on `images`
/// random images: the effect of chance alone.
double chance(double a, double b, std::int64_t images) {
  const auto variance = [&](double top1_percent) {
    const double share = top1_percent / 100.0;
    return share * (1.0 - share) / static_cast<double>(images);
  };
  return 196.0 * std::sqrt(variance(a) + variance(b));
}

std::string p_text(double p) { return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p); }

/// " On the same 1,000 images, only a is right on 45, only b on 20: ..."; empty if the images are
/// unavailable.
std::string paired_text(const RunReport& best, const RunReport& second) {
  const auto paired = paired_images(best, second);
  if (!paired) return "";
  const double p = mcnemar_p(paired->only_a, paired->only_b);
  return fmt::format(
      " On the same {} images, only {} is right on {}, only {} on {}: {} (exact McNemar test, p "
      "{}{}).",
      grouped(paired->images), run_label(best), grouped(paired->only_a), run_label(second),
      grouped(paired->only_b), p < 0.05 ? "more than chance explains" : "chance may explain this",
      p < 0.001 ? "" : "= ", p_text(p));
}

/// The effect of chance if each run has its own images; seeds have a larger effect.
std::string margin_text(const RunReport& best, const RunReport& second, bool seeds) {
  const std::int64_t images = accuracy_of(best)->images;
  if (images == 0) return "";
  return fmt::format(
      " Sampling error alone could explain up to {1} points on {0} images (95 %); {2}",
      grouped(images), fixed(chance(top1(best), top1(second), images), 2),
      seeds ? "means over seeds are <a href=\"#seeds\">below</a>."
            : "seeds can differ by more, see <code>quench compare</code>.");
}

std::string next_best_text(const RunReport& best, const RunReport& second, bool seeds) {
  const double lead = top1(best) - top1(second);
  return (lead == 0.0 ? fmt::format(", the same as {}.", run_label(second))
                      : fmt::format(", {} points above {}.", fixed(lead, 2), run_label(second))) +
         paired_text(best, second) + margin_text(best, second, seeds);
}

/// " The float weights underneath reach 90.00 %, so quantization costs 6.25 points"; nothing for a
/// float network.
std::string cost_text(const RunReport& run, bool named) {
  if (!is_quantized(run)) return "";
  const RunAccuracy accuracy = *accuracy_of(run);
  const double cost = accuracy.floating - accuracy.quantized;
  const bool trained = run.record.origin == RunOrigin::trained;
  const std::string whose = trained ? (named ? "of " + run_label(run) : "underneath")
                                    : (named ? run_label(run) : "it") + " was made of";
  return fmt::format(" The float {} {} {} {}, so quantization costs {}.",
                     trained ? "weights" : "network", whose, trained ? "reach" : "reaches",
                     percent(accuracy.floating),
                     cost > 0.0 ? fixed(cost, 2) + " points" : std::string("nothing"));
}

/// The verdict on comparable runs.
std::string verdict(const Group& group, bool seeds) {
  const RunReport* best = best_of(group);
  if (best == nullptr) {
    const bool trained = std::ranges::all_of(
        group, [](const RunReport* run) { return run->record.origin == RunOrigin::trained; });
    return trained ? "No run has finished an epoch yet." : "No accuracy is known.";
  }
  const std::string share =
      fmt::format("<strong>{}</strong> of {}", percent(top1(*best)), images_text(*best));
  const RunReport* second = best_of(group, best);
  if (second == nullptr)
    return fmt::format("{} classifies {}.{}", run_label(*best), share, cost_text(*best, false));
  return fmt::format("<strong>{} is best</strong>: {}{}{}{}", run_label(*best), share,
                     next_best_text(*best, *second, seeds), cost_text(*best, false),
                     cost_text(*second, true));
}

/// The differences between runs of different groups: "the data set, the number of training images".
std::string differences_text(const std::vector<Group>& groups) {
  std::vector<std::string> reasons;
  for (const Group& group : groups) {
    for (const Group& other : groups) {
      for (std::string& reason : obstacles(*group.front(), *other.front())) {
        if (std::ranges::find(reasons, reason) == reasons.end())
          reasons.push_back(std::move(reason));
      }
    }
  }
  return fmt::format("{}", fmt::join(reasons, ", "));
}

double total_seconds(const RunReport& run) {
  double seconds = 0.0;
  for (const EpochMetrics& epoch : run.record.epochs) seconds += epoch.row.seconds;
  return seconds;
}

std::string size_text(const RunReport& run) {
  if (!run.measured) return kDash;
  const train::NetworkCost& cost = run.measured->cost;
  const std::string size = kib(cost.weight_bytes) + " KiB";
  return is_quantized(run)
             ? fmt::format("{} ({:.1f} x smaller)", size, cost.float_bytes / cost.weight_bytes)
             : size;
}

std::string bits_of(const RunReport& run) {
  if (!is_quantized(run)) return "fp32";
  if (run.measured) return run.measured->bits;
  return fmt::format("{} x {}", run.record.quant.weight_bits, run.record.quant.activation_bits);
}

std::string epochs_text(const RunReport& run) {
  switch (run.record.origin) {
    case RunOrigin::trained:
      return std::to_string(run.record.epochs.size());
    case RunOrigin::quantized:
      return "none";
    case RunOrigin::imported:
      return "imported";
  }
  return kDash;
}

std::vector<HtmlTable::Column> columns(bool ranked) {
  std::vector<HtmlTable::Column> result{{"run"}, {"method"}, {"bits, W x A"}, {"top1", true}};
  if (ranked) {
    result.push_back({"vs. best", true});
    result.push_back({"p", true});
  }
  for (const char* name : {"top1 float", "quantization cost", "weights", "epochs", "training time"})
    result.push_back({name, true});
  return result;
}

/// @param best  among comparable runs; null if there is only one
std::vector<HtmlCell> row_of(const RunReport& run, const RunReport* best, bool ranked) {
  const auto accuracy = accuracy_of(run);
  std::vector<HtmlCell> cells{
      HtmlCell::raw(run_label(run) + (&run == best ? " <span class=\"best\">best</span>" : "")),
      run.record.quant.method, bits_of(run), accuracy ? percent(accuracy->quantized) : kDash};
  if (&run == best) cells[3].css_class = "best-value";
  if (ranked) {
    const bool other = best != nullptr && best != &run && accuracy;
    const auto paired = other ? paired_images(*best, run) : std::nullopt;
    cells.emplace_back(other ? signed_points(top1(run) - top1(*best)) : kDash);
    cells.emplace_back(paired ? p_text(mcnemar_p(paired->only_a, paired->only_b)) : kDash);
  }
  cells.emplace_back(accuracy ? percent(accuracy->floating) : kDash);
  cells.emplace_back(
      accuracy && is_quantized(run) ? fixed(accuracy->floating - accuracy->quantized, 2) : kDash);
  cells.emplace_back(size_text(run));
  cells.emplace_back(epochs_text(run));
  cells.emplace_back(run.record.epochs.empty() ? kDash : format_duration(total_seconds(run)));
  return cells;
}

/// The verdict on comparable runs, and their table.
std::string group_html(const Group& group, bool seeds) {
  const bool ranked = group.size() > 1;
  const RunReport* best = best_of(group);
  if (best_of(group, best) == nullptr) best = nullptr;
  HtmlTable table(columns(ranked));
  for (const RunReport* run : group) table.add(row_of(*run, best, ranked));
  return fmt::format("<p class=\"verdict\">{}</p>\n{}", verdict(group, seeds), table.html());
}

std::string groups_html(const std::vector<Group>& groups, bool seeds) {
  if (groups.size() == 1) return group_html(groups.front(), seeds);
  std::string html = fmt::format(
      "<p class=\"verdict\"><strong>Not all of these runs can be compared</strong>: they differ in "
      "{}. Each group is ranked by itself.</p>\n",
      differences_text(groups));
  for (const Group& group : groups)
    html += fmt::format("<h3>{}</h3>\n{}", escape_html(evaluation_text(*group.front())),
                        group_html(group, seeds));
  return html;
}

/// A hint that names runs trained on an unknown number of images.
std::string unknown_training(Runs runs) {
  std::string names;
  for (const RunReport& run : runs) {
    if (run.record.origin != RunOrigin::trained && training_images(run) == 0)
      names += (names.empty() ? "" : ", ") + run_label(run);
  }
  return runs.size() < 2 || names.empty()
             ? ""
             : fmt::format(" The number of training images is unknown for {}.", names);
}

std::string hint(Runs runs) {
  return fmt::format(
      "<p class=\"hint\">{}Training time: training steps only, without evaluation.{}</p>\n",
      runs.size() > 1 ? "p: exact McNemar test against the best run, on the same images. " : "",
      unknown_training(runs));
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
  return section(
      "result", "Result",
      groups_html(comparable_groups(runs), has_seeds(runs)) + hint(runs) + notes_list(runs));
}

}  // namespace quench::experiments::report
