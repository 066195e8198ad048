#include <algorithm>
#include <cmath>

#include "experiments/report/comparable.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

std::vector<std::pair<double, double>> over_epochs(const RunReport& run,
                                                   double MetricsRow::*member) {
  std::vector<std::pair<double, double>> points;
  for (const EpochMetrics& epoch : run.record.epochs)
    points.emplace_back(static_cast<double>(epoch.row.epoch), epoch.row.*member);
  return points;
}

/// Adds a line per run.
void add_lines(Plot& plot, Runs runs, double MetricsRow::*member, SeriesForm form) {
  for (const RunReport& run : runs)
    plot.series.push_back({.points = over_epochs(run, member),
                           .form = form,
                           .color = {SeriesColor::Kind::run, run.record.color()}});
}

/// With five classes, top5 is always 100 %, so it is not shown.
bool tells_top5(Runs runs) {
  return std::ranges::any_of(runs, [](const RunReport& run) {
    return std::ranges::any_of(run.record.epochs, [](const EpochMetrics& epoch) {
      return epoch.row.top5_quantized < 100.0;
    });
  });
}

/// Sized for three in a row, or four in two rows.
Plot epoch_plot(Runs runs, std::string description, std::string y_label) {
  const bool four = tells_top5(runs);
  return {.description = std::move(description),
          .x_label = "epoch",
          .y_label = std::move(y_label),
          .width = four ? 520 : 340,
          .height = four ? 300 : 260,
          .legend = false,
          .whole_x = true};
}

bool any_known(Runs runs, double MetricsRow::*member) {
  return std::ranges::any_of(runs, [member](const RunReport& run) {
    return std::ranges::any_of(run.record.epochs, [member](const EpochMetrics& epoch) {
      return std::isfinite(epoch.row.*member);
    });
  });
}

/// Training loss, and if a run records it, the loss on its evaluation images.
std::string loss_figure(Runs runs) {
  Plot plot = epoch_plot(runs, "Loss over the epochs", "loss");
  add_lines(plot, runs, &MetricsRow::loss, SeriesForm::line);
  const bool judged = any_known(runs, &MetricsRow::loss_quantized);
  if (judged) add_lines(plot, runs, &MetricsRow::loss_quantized, SeriesForm::dashed);
  return plot_figure(plot, judged ? "Loss: training images (solid), evaluation "
                                    "images (dashed)"
                                  : "Loss, mean over the epoch's training images");
}

std::string top5_figure(Runs runs, bool quantized) {
  if (!tells_top5(runs)) return "";
  Plot plot = epoch_plot(runs, "Top5 accuracy over the epochs", "top5 (%)");
  add_lines(plot, runs, &MetricsRow::top5_quantized, SeriesForm::line);
  if (quantized) add_lines(plot, runs, &MetricsRow::top5_float, SeriesForm::dashed);
  return plot_figure(plot, "The correct class is among the five most probable");
}

constexpr std::size_t kMostLines = 12;  // more cannot be told apart

/// Labels of the classes with the lowest final accuracy, ascending.
std::vector<std::size_t> hardest_classes(const std::vector<ClassAccuracy>& classes) {
  std::vector<std::size_t> labels;
  for (std::size_t label = 0; label < classes.size(); ++label)
    if (std::isfinite(classes[label].quantized)) labels.push_back(label);
  std::ranges::stable_sort(labels, {}, [&](std::size_t label) { return classes[label].quantized; });
  if (labels.size() > kMostLines) labels.resize(kMostLines);
  std::ranges::sort(labels);
  return labels;
}

/// Shortens a name so that it leaves room for the plot.
std::string shortened(std::string name) {
  constexpr std::size_t kMostLetters = 20;
  if (name.size() <= kMostLetters) return name;
  const auto in_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  std::size_t end = kMostLetters;
  while (end > 0 && in_character(name[end])) --end;
  return name.substr(0, end) + "…";
}

/// The accuracy of each class. For a single epoch, the confusion matrix shows the same.
std::string class_figure(const RunReport& run, const std::string& whose) {
  const auto& epochs = run.record.epochs;
  if (epochs.size() < 2) return "";
  const std::vector<ClassAccuracy>& last = epochs.back().classes;
  const std::vector<std::size_t> labels = hardest_classes(last);
  Plot plot{.description = "Accuracy of each class over the epochs",
            .x_label = "epoch",
            .y_label = "of the class's images (%)",
            .whole_x = true};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Series series{.title = shortened(last[labels[i]].name),
                  .color = {SeriesColor::Kind::depth, depth_color(i, labels.size())}};
    for (const EpochMetrics& epoch : epochs) {
      if (labels[i] < epoch.classes.size())
        series.points.emplace_back(static_cast<double>(epoch.row.epoch),
                                   epoch.classes[labels[i]].quantized);
    }
    plot.series.push_back(std::move(series));
  }
  return plot_figure(plot,
                     whose + (labels.size() < last.size()
                                  ? fmt::format("The {} classes of {} with the lowest accuracy",
                                                labels.size(), last.size())
                                  : std::string("Accuracy of each class")));
}

std::string class_figures(Runs runs) {
  std::string html;
  for (const RunReport& run : runs)
    html += class_figure(run, runs.size() > 1 ? run_label(run) + "<br>" : "");
  return html;
}

}  // namespace

std::string curves_section(Runs runs) {
  Plot accuracy = epoch_plot(runs, "Accuracy over the epochs", "top1 (%)");
  add_lines(accuracy, runs, &MetricsRow::top1_quantized, SeriesForm::line);
  const bool quantized = std::ranges::any_of(runs, is_quantized);
  if (quantized) add_lines(accuracy, runs, &MetricsRow::top1_float, SeriesForm::dashed);
  Plot rate = epoch_plot(runs, "Learning rate over the epochs", "learning rate");
  add_lines(rate, runs, &MetricsRow::lr, SeriesForm::line);
  rate.log_y = true;
  const std::string figures =
      plot_figure(accuracy, quantized ? "Accuracy: quantized weights (solid), the "
                                        "float weights underneath (dashed)"
                                      : "Accuracy") +
      top5_figure(runs, quantized) + loss_figure(runs) +
      plot_figure(rate, "Learning rate at the end of the epoch") + class_figures(runs);
  if (figures.empty()) return "";
  return section("curves", "Training",
                 legend(runs, [](const RunReport& run) { return !run.record.epochs.empty(); }) +
                     "<div class=\"figures\">\n" + figures + "</div>\n");
}

}  // namespace quench::experiments::report
