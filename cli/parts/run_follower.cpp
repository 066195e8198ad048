#include "cli/parts/run_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "experiments/runs/epoch_metrics.h"
#include "support/console.h"
#include "support/text_number.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

/// Of a run from before metrics.jsonl, what metrics.csv holds.
std::vector<train::EpochMetrics> epochs_in(const fs::path& folder) {
  const fs::path lines = folder / "metrics.jsonl", table = folder / "metrics.csv";
  if (fs::exists(lines)) return train::read_epoch_metrics(lines);
  std::vector<train::EpochMetrics> epochs;
  if (!fs::exists(table)) return epochs;
  for (const train::MetricsRow& row : train::read_metrics(table)) epochs.push_back({.row = row});
  return epochs;
}

bool is_quantized(const train::EpochMetrics& metrics) {
  return !metrics.layers.empty() || metrics.row.top1_quantized != metrics.row.top1_float;
}

/// The columns that its quantizers filled: the file has 0 where none did.
std::vector<std::string_view> of_quantizers(const train::MetricsRow& row) {
  std::vector<std::string_view> reported;
  for (const train::MetricsColumn& column : train::metrics_columns()) {
    if (column.of_quantizers && row.*std::get<double train::MetricsRow::*>(column.member) > 0.0)
      reported.push_back(column.name);
  }
  return reported;
}

}  // namespace

RunFollower::RunFollower(fs::path folder, std::string title, train::EpochTable& table)
    : folder_(std::move(folder)), title_(std::move(title)), table_(table) {}

bool RunFollower::poll() {
  // Asked first: what a run wrote before it ended is there once it says so.
  state_ = train::state_of_run(folder_);
  show_epochs();
  if (state_.phase == train::RunPhase::running) {
    ended_ = false;
    return true;
  }
  if (!ended_) show_end();
  ended_ = true;
  return false;
}

void RunFollower::show_epochs() {
  const std::vector<train::EpochMetrics> epochs = epochs_in(folder_);
  shown_ = std::min(shown_, epochs.size());  // a run taken up again may have dropped some
  for (; shown_ < epochs.size(); ++shown_) {
    const train::EpochMetrics& metrics = epochs[shown_];
    say(table_.lines({.row = metrics.row,
                      .epochs = state_.epochs,
                      .quantized = is_quantized(metrics),
                      .of_quantizers = of_quantizers(metrics.row),
                      .title = title_},
                     terminal_width(stdout)));
  }
}

void RunFollower::show_progress(ProgressBar& bar) {
  if (state_.phase != train::RunPhase::running || state_.steps == 0) return;
  const std::int64_t before = state_.epoch * state_.steps, done = before + state_.step;
  if (!epoch_shown_) bar.begin("", state_.epochs * state_.steps, done);
  if (epoch_shown_ != state_.epoch)
    bar.begin_part(fmt::format("epoch {}/{}", state_.epoch + 1, state_.epochs), before,
                   before + state_.steps);
  epoch_shown_ = state_.epoch;
  bar.set_note(fmt::format("loss {:.4f}", state_.loss));
  bar.advance_to(done);
}

void RunFollower::show_end() {
  std::string line =
      fmt::format("{}{}{} after {} of {}", title_, title_.empty() ? "" : "  ",
                  train::name_of(state_.phase), state_.epoch, counted(state_.epochs, "epoch"));
  if (!state_.message.empty()) line += ": " + state_.message;
  say(line);
  epoch_shown_.reset();
}

}  // namespace quench::command
