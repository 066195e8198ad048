#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/report/html.h"
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

/// Adds a line per run; of runs that share a colour, the first alone is named.
void add_lines(Plot& plot, Runs runs, double MetricsRow::*member, SeriesForm form,
               const std::string& suffix) {
  std::vector<int> named;
  const bool seeds = has_seeds(runs);
  for (const RunReport& run : runs) {
    const int color = run.record.color();
    const bool first = std::ranges::find(named, color) == named.end();
    named.push_back(color);
    const std::string name = seeds ? run.record.variant() : run.record.name;
    plot.series.push_back({.title = !first            ? ""
                                    : runs.size() > 1 ? name + suffix
                                                      : suffix,
                           .points = over_epochs(run, member),
                           .form = form,
                           .color = {SeriesColor::Kind::run, color}});
  }
}

Plot epoch_plot(std::string description, std::string y_label) {
  return {.description = std::move(description),
          .x_label = "epoch",
          .y_label = std::move(y_label),
          .width = 340,
          .height = 260,
          .whole_x = true};
}

}  // namespace

std::string curves_section(Runs runs, PlotSheet& plots) {
  Plot accuracy = epoch_plot("Accuracy over the epochs", "top1 (%)");
  add_lines(accuracy, runs, &MetricsRow::top1_quantized, SeriesForm::line,
            runs.size() > 1 ? "" : "quantized weights");
  add_lines(accuracy, runs, &MetricsRow::top1_float, SeriesForm::dashed,
            runs.size() > 1 ? ", float" : "float weights");
  if (runs.size() > 3) {
    for (Series& series : accuracy.series)
      if (series.form == SeriesForm::dashed) series.title.clear();
  }
  Plot loss = epoch_plot("Training loss over the epochs", "training loss");
  add_lines(loss, runs, &MetricsRow::loss, SeriesForm::line, "");
  loss.legend = false;
  Plot rate = epoch_plot("Learning rate over the epochs", "learning rate");
  add_lines(rate, runs, &MetricsRow::lr, SeriesForm::line, "");
  rate.log_y = true;
  rate.legend = false;
  const std::string figures =
      plots.figure(std::move(accuracy),
                   "Accuracy: quantized weights (solid), the float weights underneath (dashed)") +
      plots.figure(std::move(loss), "Loss, mean over the epoch's training images") +
      plots.figure(std::move(rate), "Learning rate at the end of the epoch");
  return section("curves", "Training",
                 figures.empty() ? "" : "<div class=\"figures\">\n" + figures + "</div>\n");
}

}  // namespace quench::train::report
