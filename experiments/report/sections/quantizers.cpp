#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "experiments/runs/layer_metrics.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

using Points = std::vector<std::pair<double, double>>;

/// One value of one kind of slot, e.g. the scale of weights, layer by layer.
struct LayerCurves {
  std::string slot;   // "weight"
  std::string value;  // "scale"
  std::vector<std::pair<std::string, Points>> layers;

  Points& of(const std::string& layer) {
    const auto found = std::ranges::find(layers, layer, [](const auto& e) { return e.first; });
    return found != layers.end() ? found->second : layers.emplace_back(layer, Points{}).second;
  }
  /// Whether it changes over time; the table of layers shows constant values.
  bool moves() const {
    return std::ranges::any_of(layers, [](const auto& layer) {
      return std::ranges::any_of(layer.second, [&layer](const auto& point) {
        return point.second != layer.second.front().second && std::isfinite(point.second);
      });
    });
  }
  bool layers_agree() const {
    return std::ranges::all_of(layers,
                               [this](const auto& e) { return e.second == layers[0].second; });
  }
};

std::vector<LayerCurves> curves_of(const RunRecord& run) {
  std::vector<LayerCurves> result;
  const auto find = [&result](const std::string& slot, const std::string& value) -> LayerCurves& {
    for (LayerCurves& curves : result)
      if (curves.slot == slot && curves.value == value) return curves;
    return result.emplace_back(LayerCurves{slot, value, {}});
  };
  for (const EpochMetrics& epoch : run.epochs) {
    for (const SlotMetrics& slot : epoch.layers) {
      const std::size_t dot = slot.slot.rfind('.');
      if (dot == std::string::npos) continue;
      for (const auto& [name, value] : slot.values) {
        if (name == kAtLimitEpoch || name == kAtLimitStep) continue;  // in the table of layers
        find(slot.slot.substr(dot + 1), name)
            .of(slot.slot.substr(0, dot))
            .emplace_back(static_cast<double>(epoch.row.epoch), value);
      }
    }
  }
  return result;
}

/// The same curves of several runs.
using SameCurves = std::vector<const LayerCurves*>;

/// Whether linear axes would press most values to the bottom. Decided over all runs, so that their
/// axes can be compared.
bool spans_decades(const SameCurves& all) {
  double least = INFINITY, most = 0.0;
  for (const LayerCurves* curves : all) {
    for (const auto& [layer, points] : curves->layers) {
      for (const auto& [epoch, value] : points) {
        if (!std::isfinite(value)) continue;
        if (value <= 0.0) return false;
        least = std::min(least, value);
        most = std::max(most, value);
      }
    }
  }
  return most > 20.0 * least;
}

/// Whether the legend names a layer: all if they are few, else the first, the last and the middle
/// one.
bool is_named(std::size_t layer, std::size_t layers) {
  constexpr std::size_t kMost = 14;
  return layers <= kMost || layer == 0 || layer == layers / 2 || layer + 1 == layers;
}

std::string words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

Plot plot_of(LayerCurves curves, bool log_y) {
  const bool flips = curves.value == "sign_flips";
  Plot plot{.description = fmt::format("{} of {} over the epochs, by layer", words(curves.value),
                                       words(curves.slot)),
            .x_label = "epoch",
            .y_label = flips ? "sign flips per epoch (%)"
                             : fmt::format("{} of {}", words(curves.value), words(curves.slot)),
            .log_y = log_y,
            .whole_x = true};
  if (curves.layers_agree()) {
    curves.layers.resize(1);
    curves.layers[0].first = "all layers";
  }
  const std::size_t count = curves.layers.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto& [layer, points] = curves.layers[i];
    if (flips)
      for (auto& point : points) point.second *= 100.0;
    plot.series.push_back({.title = is_named(i, count) ? layer : "",
                           .points = std::move(points),
                           .color = {SeriesColor::Kind::depth, depth_color(i, count)}});
  }
  return plot;
}

/// Figures 4 and 5 of Liu & Mattina 2019: both accuracies, with alpha.
Plot alpha_plot(const RunReport& run) {
  Plot plot{.description = "Accuracy of quantized and float weights, with alpha",
            .x_label = "epoch",
            .y_label = "top1 (%)",
            .right_label = "alpha",
            .whole_x = true};
  const auto add = [&](const char* title, double MetricsRow::*member, SeriesForm form, bool right) {
    Series series{
        .title = title, .form = form, .color = {SeriesColor::Kind::run, run.record.color()}};
    if (right) series.color = {SeriesColor::Kind::level, 0};
    series.right_axis = right;
    for (const EpochMetrics& epoch : run.record.epochs)
      series.points.emplace_back(static_cast<double>(epoch.row.epoch), epoch.row.*member);
    plot.series.push_back(std::move(series));
  };
  add("quantized", &MetricsRow::top1_quantized, SeriesForm::line, false);
  add("float", &MetricsRow::top1_float, SeriesForm::dashed, false);
  add("alpha", &MetricsRow::alpha, SeriesForm::line, true);
  return plot;
}

bool has_alpha(const RunRecord& run) {
  return std::ranges::any_of(run.epochs,
                             [](const EpochMetrics& epoch) { return epoch.row.alpha != 0.0; });
}

}  // namespace

std::string quantizer_section(Runs runs) {
  std::vector<std::vector<LayerCurves>> all;
  for (const RunReport& run : runs) all.push_back(curves_of(run.record));
  const auto is_log = [&all](const LayerCurves& curves) {
    SameCurves same;
    for (const auto& of_run : all) {
      for (const LayerCurves& other : of_run)
        if (other.slot == curves.slot && other.value == curves.value) same.push_back(&other);
    }
    return spans_decades(same);
  };
  std::string html;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::string figures;
    if (has_alpha(runs[i].record))
      figures += plot_figure(alpha_plot(runs[i]),
                             "Accuracy, and alpha, the share of the quantized "
                             "weights");
    for (const LayerCurves& curves : all[i]) {
      if (!curves.moves()) continue;
      if (curves.value == "alpha" && curves.layers_agree()) continue;  // the plot above shows it
      const std::string caption =
          curves.value == "sign_flips"
              ? "Share of weights whose sign changed in the epoch"
              : fmt::format("By layer: {} of each {}", escape_html(words(curves.value)),
                            escape_html(words(curves.slot)));
      figures += plot_figure(plot_of(curves, is_log(curves)), caption);
    }
    if (figures.empty()) continue;
    html += fmt::format("<h3>{}</h3>\n<div class=\"figures\">\n{}</div>\n", run_label(runs[i]),
                        figures);
  }
  return section("quantizers", "Quantizers during training", html);
}

}  // namespace quench::experiments::report
