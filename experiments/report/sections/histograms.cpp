#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

constexpr std::size_t kMostLevels = 33;  // more lines would blur into an area

/// The levels to draw: all if they are few, else only the outermost.
std::vector<double> drawn_levels(const SlotSummary& slot) {
  if (slot.levels.size() <= kMostLevels) return slot.levels;
  return {slot.levels.front(), slot.levels.back()};
}

/// In percent of the nonzero values.
std::vector<double> shares(const Histogram& histogram) {
  const auto sum = static_cast<double>(
      std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::int64_t{0}));
  std::vector<double> result;
  for (const std::int64_t count : histogram.counts)
    result.push_back(sum > 0.0 ? 100.0 * static_cast<double>(count) / sum : 0.0);
  return result;
}

Plot histogram_plot(const SlotSummary& slot, const std::string& what, int color, int width) {
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
            .width = width,
            .height = width * 18 / 25,
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
    if (slot.levels.size() > kMostLevels) text += " (lines: the outermost)";
  }
  if (slot.count > 0 && slot.real_zeros * 50 > slot.count) {
    text += fmt::format(
        "; {} zeros not shown",
        percent(100.0 * static_cast<double>(slot.real_zeros) / static_cast<double>(slot.count), 1));
  }
  return text;
}

const LayerMeasurement* find_layer(const RunReport& run, const std::string& name) {
  if (!run.measured) return nullptr;
  const auto& layers = run.measured->layers;
  const auto found =
      std::ranges::find(layers, name, [](const auto& layer) { return layer.trace.name; });
  return found == layers.end() ? nullptr : &*found;
}

/// Chosen so that the runs of a layer fill rows, each with its weight above its inputs; one or two
/// runs fit into one row.
std::size_t columns_for(Runs runs) {
  const auto count = static_cast<std::size_t>(
      std::ranges::count_if(runs, [](const RunReport& run) { return run.measured.has_value(); }));
  if (count <= 2) return 4;
  constexpr std::size_t kMost = 5;
  return count <= kMost ? count : std::min(kMost, (count + 1) / 2);
}

/// The weights of a layer in all runs side by side, then the inputs.
std::string layer_figures(Runs runs, const std::string& name) {
  const int width = columns_for(runs) > 4 ? 212 : 264;  // drawn at display size
  std::string html;
  const auto add = [&](const RunReport& run, const SlotSummary& slot, const std::string& what) {
    const std::string whose = runs.size() > 1 ? run_label(run) + "<br>" : "";
    html += plot_figure(histogram_plot(slot, what, run.record.color(), width),
                        whose + caption(slot, name, what));
  };
  std::size_t inputs = 0;
  for (const RunReport& run : runs) {
    const LayerMeasurement* layer = find_layer(run, name);
    if (layer == nullptr) continue;
    if (layer->weight) add(run, *layer->weight, "weight");
    inputs = std::max(inputs, layer->inputs.size());
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    for (const RunReport& run : runs) {
      const LayerMeasurement* layer = find_layer(run, name);
      if (layer != nullptr && i < layer->inputs.size())
        add(run, layer->inputs[i], inputs > 1 ? fmt::format("input {}", i + 1) : "input");
    }
  }
  return html;
}

}  // namespace

std::string histograms_section(Runs runs) {
  std::string figures, html;
  const auto grid = [&runs](const std::string& content) {
    return fmt::format("<div class=\"histograms\" style=\"--columns:{}\">\n{}</div>\n",
                       columns_for(runs), content);
  };
  for (const std::string& name : layer_names(runs)) {
    const std::string layer = layer_figures(runs, name);
    if (layer.empty()) continue;
    // The layers of one run continue in a row; with several runs, each layer starts a new row.
    if (runs.size() > 1) {
      html += grid(layer);
    } else {
      figures += layer;
    }
  }
  if (!figures.empty()) html = grid(figures);
  if (html.empty()) return "";
  return section(
      "histograms", "Weights and activations on their grids",
      "<p class=\"hint\">The lines are the quantization levels. Values far "
      "from every line have a large rounding error; values beyond the last line saturate.</p>\n" +
          html);
}

}  // namespace quench::experiments::report
