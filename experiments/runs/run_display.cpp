#include "experiments/runs/run_display.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "support/progress.h"

namespace quench::experiments {
namespace {

constexpr std::string_view kGap = "  ";

struct Column {
  std::string name;
  std::string value;
  int width;  // minimum; equal for all epochs, because later ones are unknown
  int order;  // columns with the highest order are dropped first
};

std::string line_of(const std::vector<Column>& columns, std::string Column::*text) {
  std::string line;
  for (const Column& column : columns) {
    const int width = std::max(column.width, static_cast<int>(column.name.size()));
    line += fmt::format("{}{:>{}}", line.empty() ? "" : kGap, column.*text, width);
  }
  return line;
}

void fit(std::vector<Column>& columns, int width) {
  const auto is_wide = [&] {
    return static_cast<int>(line_of(columns, &Column::name).size()) > width;
  };
  while (columns.size() > 1 && is_wide())
    columns.erase(std::ranges::max_element(columns, {}, &Column::order));
}

std::string percent(double value) { return fmt::format("{:.2f}", value); }

}  // namespace

std::string EpochTable::lines(const EpochLine& epoch, int width) {
  constexpr double kWorthSaying = 0.02, kSeconds = 0.5;  // share of the epoch, and seconds
  const MetricsRow& row = epoch.row;
  const bool waited = row.data_wait_s > std::max(kWorthSaying * row.seconds, kSeconds);
  quantized_ |= epoch.quantized;
  of_quantizers_.insert(epoch.of_quantizers.begin(), epoch.of_quantizers.end());
  wait_ |= waited;

  const auto digits = static_cast<int>(fmt::formatted_size("{}", epoch.epochs));
  std::vector<Column> columns{
      {"epoch", fmt::format("{}/{}", row.epoch, epoch.epochs), 2 * digits + 1, 0},
      {"loss", fmt::format("{:.4f}", row.loss), 6, 2},
      {"train %", percent(row.train_top1), 0, 4}};
  if (quantized_)
    columns.push_back({"quantized %", epoch.quantized ? percent(row.top1_quantized) : "-", 0, 1});
  columns.push_back({"float %", percent(row.top1_float), 0, 1});
  for (const MetricsColumn& column : metrics_columns()) {
    if (!of_quantizers_.contains(column.name)) continue;
    const bool reported = std::ranges::count(epoch.of_quantizers, column.name) > 0;
    const double value = row.*std::get<double MetricsRow::*>(column.member);
    columns.push_back(
        {std::string(column.name), reported ? fmt::format("{:.2f}", value) : "-", 0, 5});
  }
  columns.push_back({"lr", fmt::format("{:.1e}", row.lr), 7, 6});
  columns.push_back({"img/s", fmt::format("{:.0f}", row.images_per_second), 0, 8});
  columns.push_back({"time", format_duration(row.seconds), 5, 3});
  // Part of the time; only shown if the loader cannot keep up.
  if (wait_)
    columns.push_back({"data wait", waited ? format_duration(row.data_wait_s) : "-", 0, 7});
  if (!epoch.title.empty()) {
    const auto title_width = static_cast<int>(epoch.title.size());
    columns.insert(columns.begin(), {"", epoch.title, title_width, 0});
  }
  fit(columns, width);

  const std::string names = line_of(columns, &Column::name);
  const std::string values = line_of(columns, &Column::value);
  if (names == names_) return values;
  names_ = names;
  return names + "\n" + values;
}

RunProgress::RunProgress(ProgressBar& bar, const RunWork& work, const train::Progress& start)
    : bar_(bar), work_(work) {
  bar_.begin("", work.epochs * epoch_work(),
             start.epoch * epoch_work() + start.step_in_epoch * step_work());
}

void RunProgress::begin_epoch(std::int64_t epoch) {
  bar_.begin_part(fmt::format("epoch {}/{}", epoch + 1, work_.epochs), epoch * epoch_work(),
                  (epoch + 1) * epoch_work());
}

void RunProgress::add_step(double loss) {
  bar_.set_note(fmt::format("loss {:.4f}", loss));
  bar_.advance(step_work());
}

std::int64_t RunProgress::step_work() const {
  constexpr std::int64_t kPasses = 3;  // backward computes two gradients, forward one output
  return kPasses * work_.images;
}

std::int64_t RunProgress::epoch_work() const { return work_.steps * step_work() + work_.evaluated; }

}  // namespace quench::experiments
