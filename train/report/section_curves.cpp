#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/report/comparable.h"
#include "train/report/sections.h"

namespace quench::train::report {
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

Plot epoch_plot(std::string description, std::string y_label) {
  return {.description = std::move(description),
          .x_label = "epoch",
          .y_label = std::move(y_label),
          .width = 340,
          .height = 260,
          .legend = false,
          .whole_x = true};
}

}  // namespace

std::string curves_section(Runs runs, PlotSheet& plots) {
  Plot accuracy = epoch_plot("Accuracy over the epochs", "top1 (%)");
  add_lines(accuracy, runs, &MetricsRow::top1_quantized, SeriesForm::line);
  const bool quantized = std::ranges::any_of(runs, is_quantized);
  if (quantized) add_lines(accuracy, runs, &MetricsRow::top1_float, SeriesForm::dashed);
  Plot loss = epoch_plot("Training loss over the epochs", "training loss");
  add_lines(loss, runs, &MetricsRow::loss, SeriesForm::line);
  Plot rate = epoch_plot("Learning rate over the epochs", "learning rate");
  add_lines(rate, runs, &MetricsRow::lr, SeriesForm::line);
  rate.log_y = true;
  const std::string figures =
      plots.figure(std::move(accuracy), quantized ? "Accuracy: quantized weights (solid), the "
                                                    "float weights underneath (dashed)"
                                                  : "Accuracy") +
      plots.figure(std::move(loss), "Loss, mean over the epoch's training images") +
      plots.figure(std::move(rate), "Learning rate at the end of the epoch");
  if (figures.empty()) return "";
  return section("curves", "Training",
                 legend(runs, [](const RunReport& run) { return !run.record.epochs.empty(); }) +
                     "<div class=\"figures\">\n" + figures + "</div>\n");
}

}  // namespace quench::train::report
