#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "train/report/format.h"
#include "train/report/html.h"
#include "train/report/sections.h"

namespace quench::train::report {
namespace {

constexpr std::size_t kMostLevels = 33;  // more lines than that would be a grey area

/// The levels to draw: all of few, else the ends alone.
std::vector<double> drawn_levels(const SlotSummary& slot) {
  if (slot.levels.size() <= kMostLevels) return slot.levels;
  return {slot.levels.front(), slot.levels.back()};
}

/// In percent of the values that are not 0.
std::vector<double> shares(const Histogram& histogram) {
  const auto sum = static_cast<double>(
      std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::int64_t{0}));
  std::vector<double> result;
  for (const std::int64_t count : histogram.counts)
    result.push_back(sum > 0.0 ? 100.0 * static_cast<double>(count) / sum : 0.0);
  return result;
}

Plot histogram_plot(const SlotSummary& slot, const std::string& what, int color) {
  const std::vector<double> heights = shares(slot.histogram);
  const double top = *std::ranges::max_element(heights);
  Series values{.form = SeriesForm::area, .color = {SeriesColor::Kind::run, color}};
  for (std::size_t i = 0; i < heights.size(); ++i)
    values.points.emplace_back(slot.histogram.low + slot.histogram.width() * static_cast<double>(i),
                               heights[i]);
  values.points.emplace_back(slot.histogram.high, 0.0);
  Series grid{.form = SeriesForm::marks, .color = {SeriesColor::Kind::level, 0}};
  for (const double level : drawn_levels(slot)) grid.points.emplace_back(level, top * 1.05);
  Plot plot{.description = "Histogram of " + what + ", and its quantization grid",
            .x_label = slot.in_steps ? what + " / scale of its channel" : what,
            .y_label = "share (%)",
            .width = 264,
            .height = 190,
            .legend = false};
  if (top > 0.0) plot.series = {std::move(values), std::move(grid)};
  return plot;
}

std::string caption(const SlotSummary& slot, const std::string& layer, const std::string& what) {
  std::string text = fmt::format("<b>{}</b> {}: ", escape_html(layer), escape_html(what));
  if (!slot.quantizes()) {
    text += "not quantized";
  } else {
    text += fmt::format("{} {} bit, {} levels", escape_html(slot.method), slot.bits,
                        slot.levels.size());
    if (slot.levels_used < std::ssize(slot.levels))
      text += fmt::format(", {} used", slot.levels_used);
    if (slot.levels.size() > kMostLevels) text += " (lines: the ends)";
  }
  if (slot.count > 0 && slot.real_zeros * 50 > slot.count) {
    text += fmt::format(
        "; without {} that are 0",
        percent(100.0 * static_cast<double>(slot.real_zeros) / static_cast<double>(slot.count), 1));
  }
  return text;
}

std::string slot_figures(const LayerMeasurement& layer, int color, PlotSheet& plots) {
  std::string html;
  const auto add = [&](const SlotSummary& slot, const std::string& what) {
    html += plots.figure(histogram_plot(slot, what, color), caption(slot, layer.trace.name, what));
  };
  if (layer.weight) add(*layer.weight, "weight");
  for (std::size_t i = 0; i < layer.inputs.size(); ++i)
    add(layer.inputs[i], layer.inputs.size() > 1 ? fmt::format("input {}", i + 1) : "input");
  return html;
}

}  // namespace

std::string histograms_section(Runs runs, PlotSheet& plots) {
  std::string html;
  std::vector<std::string> shown;
  for (const RunReport& first : runs) {
    if (!first.measured) continue;
    for (const LayerMeasurement& named : first.measured->layers) {
      if (std::ranges::find(shown, named.trace.name) != shown.end()) continue;
      shown.push_back(named.trace.name);
      // All runs' slots of one layer side by side.
      std::string row;
      for (const RunReport& run : runs) {
        if (!run.measured) continue;
        for (const LayerMeasurement& layer : run.measured->layers) {
          if (layer.trace.name != named.trace.name) continue;
          const std::string figures = slot_figures(layer, run.record.color(), plots);
          if (figures.empty()) continue;
          row += fmt::format("<div class=\"slots\">{}{}</div>\n",
                             runs.size() > 1 ? "<h4>" + run_label(run) + "</h4>" : "", figures);
        }
      }
      html += runs.size() > 1 ? fmt::format("<div class=\"histograms\">\n{}</div>\n", row) : row;
    }
  }
  if (html.empty()) return "";
  if (runs.size() == 1) html = fmt::format("<div class=\"histograms\">\n{}</div>\n", html);
  return section(
      "histograms", "Weights and activations on their grids",
      "<p class=\"hint\">The lines are the levels that quantization leaves. Values far "
      "from every line are rounded a long way, values beyond the last line saturate.</p>\n" +
          html);
}

}  // namespace quench::train::report
